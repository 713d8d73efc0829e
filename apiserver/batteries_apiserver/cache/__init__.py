"""Kubernetes objects in memory: lists and watches keep them current, and reads come from here."""
