"""The whole system on one machine, of real parts where they exist. For a checkout; not in the wheel."""
