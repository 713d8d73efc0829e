"""Authentication and authorization: API keys, access, rate limits, blocked and unpaid customers."""
