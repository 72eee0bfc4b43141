-- Health of every muster.dev resource, from a status that follows kstatus: observedGeneration says
-- which change the conditions are about, and Stalled and Reconciling are there only while true.
-- Stalled goes before Reconciling, because a person is needed and waiting does not help.
local function condition(obj, kind)
  for _, one in ipairs(obj.status.conditions or {}) do
    if one.type == kind then
      return one
    end
  end
  return {}
end

local function health(status, message)
  return { status = status, message = message or "" }
end

if obj.spec ~= nil and obj.spec.suspend == true then
  return health("Suspended", "spec.suspend is true: Muster leaves it alone.")
end
if obj.status == nil or obj.status.conditions == nil then
  return health("Progressing", "Muster has not looked at it yet.")
end
local observed = obj.status.observedGeneration
if observed ~= nil and obj.metadata.generation ~= nil and observed ~= obj.metadata.generation then
  return health("Progressing", "Muster has not looked at the latest change yet.")
end

local stalled = condition(obj, "Stalled")
local reconciling = condition(obj, "Reconciling")
local ready = condition(obj, "Ready")
if stalled.status == "True" then
  return health("Degraded", stalled.message)
end
if condition(obj, "Suspended").status == "True" then
  return health("Suspended", condition(obj, "Suspended").message)
end
if reconciling.status == "True" then
  return health("Progressing", reconciling.message)
end
if ready.status == "True" then
  return health("Healthy", ready.message)
end
if ready.status == "False" then
  return health("Degraded", ready.message)
end
return health("Progressing", ready.message)
