"""The HTTP API: creates, changes and reads custom resources, and talks to Stripe; the operator does the rest."""
