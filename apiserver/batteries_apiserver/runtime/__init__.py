"""What all of the server uses: metrics, background tasks, keyed locks, the form of Stripe's credentials."""
