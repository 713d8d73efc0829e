"""/v1/stripe: sign-up with a card, the key that it earns, and what Stripe tells afterwards.

The one package that imports the stripe library.
"""
