"""A customer's e-mail address and how it is confirmed, and the mails that customers get."""
