"""An account's status: conditions derived from facts, pending steps, Events, and the one writer."""
