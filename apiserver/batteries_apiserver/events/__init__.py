"""Provisioning events: one account's for its owner, as a list or a stream, and all accounts' for administrators."""
