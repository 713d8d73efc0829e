"""A customer's e-mail address, and how its owner confirms it."""
