"""The edge to Kubernetes: kopf's handlers, watches, work queue and the wiring of one process."""
