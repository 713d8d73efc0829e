"""Mails to customers: each Notification becomes one mail, sent by SES."""
