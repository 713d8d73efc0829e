"""/v1/keys: a customer's API keys."""
