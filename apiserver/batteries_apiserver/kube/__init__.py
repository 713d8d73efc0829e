"""The clients of Kubernetes with their caches, and how the API writes objects that others own too."""
