"""Tokens for AWS: the API server as an OpenID Connect issuer that each account trusts."""
