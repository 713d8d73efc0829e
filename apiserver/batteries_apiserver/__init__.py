"""The HTTP API: it creates, changes and reads custom resources, and talks to Stripe; the operator does the rest."""
