"""What happens to an account at a time that its spec or a hold names: notices, the end, and the closure."""
