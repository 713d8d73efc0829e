"""GitHub repositories as customers write them, and the trust policy that admits them."""
