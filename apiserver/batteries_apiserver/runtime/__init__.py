"""What the whole server uses: metrics, background tasks, keyed locks, checks of Stripe's credentials."""
