"""The name under which the operator writes to Kubernetes."""

FIELD_MANAGER = "batteries-operator"
