-- For wrk: goes round the requests of a file (path, key, body, parted by tabs) and prints the outcome as JSON.
local requests, next_one = {}, 0

function init(args)
  for line in io.lines(args[1]) do
    local path, key, body = line:match("^([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = {}
    if key ~= "" then headers["Authorization"] = "Bearer " .. key end
    if body == "" then
      requests[#requests + 1] = wrk.format("GET", path, headers)
    else
      headers["Content-Type"] = "application/json"
      requests[#requests + 1] = wrk.format("POST", path, headers, body)
    end
  end
end

function request()
  next_one = next_one % #requests + 1
  return requests[next_one]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"rate": %f, "p50": %f, "p99": %f, "failed": %d}\n',
    summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
