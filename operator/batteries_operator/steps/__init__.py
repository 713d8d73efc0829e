"""One module a provisioning step; the order stands in `batteries_operator.provisioning`."""
