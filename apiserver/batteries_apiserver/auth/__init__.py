"""Who the caller is and what the caller may do: API keys, access, rate limits, blocked and unpaid customers."""
