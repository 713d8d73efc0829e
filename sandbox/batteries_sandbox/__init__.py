"""The whole system on one machine, with real components where they exist. It needs a checkout; the wheel lacks it."""
