"""/v1/admin: what administrators see and do, over all accounts of every watched namespace."""
