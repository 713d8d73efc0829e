"""Provisioning events of one account, for its owner, as a list or a stream."""
