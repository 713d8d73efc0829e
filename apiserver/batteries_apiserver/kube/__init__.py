"""The Kubernetes clients and their caches, and how the API writes objects that other field managers also write."""
