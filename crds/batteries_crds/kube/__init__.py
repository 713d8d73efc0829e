"""The client of Kubernetes: requests, typed resources, Secrets, fast JSON, and how commands report its errors."""
