"""Who is calling: bearer keys, how they look, and how they are checked."""
