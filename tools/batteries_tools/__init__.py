"""Generators of documentation, dashboard and schemas, and measures of the code: for a checkout alone, in no wheel."""
