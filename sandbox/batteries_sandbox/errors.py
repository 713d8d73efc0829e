"""The one exception that ends the sandbox with a sentence instead of a traceback."""


class SandboxError(Exception):
    """Something is missing or did not start; the text says what, and what to do."""
