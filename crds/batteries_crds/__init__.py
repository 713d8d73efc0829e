"""The contract in Kubernetes: the three resources, their conditions and names, and how to reach them.

Both programs import this package and never each other; everything they tell one another is a field here.
"""
