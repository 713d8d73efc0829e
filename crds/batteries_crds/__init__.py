"""The contract in Kubernetes: the resources, their conditions and names, and the client for them.

Both programs import this package and never each other; everything that they exchange is a field here.
"""
