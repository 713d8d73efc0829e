-- A key works as soon as it is there, until it is revoked, which is for good.
if obj.spec.revokedAt ~= nil then
  return { status = "Healthy", message = "Revoked since " .. obj.spec.revokedAt .. "." }
end
return { status = "Healthy", message = "" }
