"""The client of Kubernetes: requests, typed resources, Secrets, and the reading of large JSON."""
