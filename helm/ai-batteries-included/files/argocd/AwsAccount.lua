-- Healthy when ready, Suspended when suspended, Degraded when stalled; otherwise Progressing with the current step.
-- Argo CD itself shows Progressing for objects that are being deleted.
local status = obj.status
if status == nil or status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "The operator has not seen this specification yet." }
end
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local function is_true(kind)
  return conditions[kind] ~= nil and conditions[kind].status == "True"
end
if is_true("Stalled") then
  return { status = "Degraded", message = conditions.Stalled.message }
end
if is_true("Reconciling") then
  -- While an account is being suspended, provisioningStep is the step from which it will resume.
  local closing = obj.spec.suspended or status.hold ~= nil or next(status.holds or {}) ~= nil
  local step = closing and "suspending" or status.provisioningStep
  local message = conditions.Reconciling.message or ""
  return { status = "Progressing", message = message == "" and step or step .. ": " .. message }
end
if is_true("Suspended") then
  return { status = "Suspended", message = conditions.Suspended.message }
end
if is_true("Ready") then
  return { status = "Healthy", message = conditions.Ready.message }
end
return { status = "Progressing", message = status.provisioningStep }
