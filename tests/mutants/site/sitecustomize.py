"""Python runs this first in every program that a test of a mutant starts: see hook.py."""

import importlib.util
from pathlib import Path

_SPEC = importlib.util.spec_from_file_location("_mutants_hook", Path(__file__).parents[1] / "hook.py")
assert _SPEC is not None
assert _SPEC.loader is not None
_HOOK = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_HOOK)
_HOOK.install()
