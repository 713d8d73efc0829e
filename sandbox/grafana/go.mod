// Pins Grafana's own types of a dashboard, which our tests check ours against.
module aibatteriesincluded.com/sandbox/grafana

go 1.26.0

require github.com/grafana/grafana-foundation-sdk/go v0.0.22
