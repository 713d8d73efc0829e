"""The one exception that ends the sandbox with a sentence instead of a traceback."""


class SandboxError(Exception):
    """Something can't be had or did not come up; the text says what, and what to do."""
