"""/v1/admin: what administrators see and do, for the accounts of every watched namespace."""
