-- Healthy when as many accounts as wanted are ready, Degraded when no more are made until somebody has looked.
local status = obj.status
if status == nil or status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "The operator has not seen this specification yet." }
end
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
if conditions.Stalled ~= nil and conditions.Stalled.status == "True" then
  return { status = "Degraded", message = conditions.Stalled.message }
end
local filled = conditions.Filled
if filled ~= nil and filled.status == "True" then
  return { status = "Healthy", message = filled.message }
end
return { status = "Progressing", message = filled ~= nil and filled.message or "" }
