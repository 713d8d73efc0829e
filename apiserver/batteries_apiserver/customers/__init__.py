"""Confirms customers' e-mail addresses, and requests the mails that customers get."""
