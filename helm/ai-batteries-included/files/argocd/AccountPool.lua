-- Healthy once the operator has seen it, also while it fills, which may take days: what is applied after it need not
-- wait. Degraded when no more accounts are made until somebody has looked.
local status = obj.status
if status == nil or status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "The operator has not seen this specification yet." }
end
local filled = ""
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Stalled" and condition.status == "True" then
    return { status = "Degraded", message = condition.message }
  end
  if condition.type == "Filled" then
    filled = condition.message
  end
end
return { status = "Healthy", message = filled }
