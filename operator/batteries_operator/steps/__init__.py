"""The pipeline and its steps, one module a step; the order stands in `pipeline`."""
