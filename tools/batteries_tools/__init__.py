"""Generators of documentation, dashboard and schemas, and measures of the code. They need a checkout; no wheel has
them.
"""
