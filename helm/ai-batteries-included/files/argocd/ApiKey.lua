-- A key works as soon as it exists, until it is revoked, which is permanent.
if obj.spec.revokedAt ~= nil then
  return { status = "Healthy", message = "Revoked since " .. obj.spec.revokedAt .. "." }
end
return { status = "Healthy", message = "" }
