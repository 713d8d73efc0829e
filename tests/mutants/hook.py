"""Has a process import a changed module in the place of the one in the checkout, which stays as it is."""

import json
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

VARIABLE = "MUTANT"
"""Names a file of JSON: the module's dotted name and its changed source. Programs that tests start read it too."""


class _Loader(SourceFileLoader):
    """The checkout's module, compiled from other text."""

    source = ""

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.source, self.path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    def __init__(self, module: str, source: str) -> None:
        self._module = module
        self._source = source

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._module:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        assert spec is not None
        assert isinstance(spec.loader, SourceFileLoader)
        loader = _Loader(spec.loader.name, spec.loader.path)
        loader.source = self._source
        spec.loader = loader
        return spec


def install() -> None:
    """Does it where the variable is set; before the module's first import."""
    if chosen := os.environ.get(VARIABLE):
        order = json.loads(Path(chosen).read_text())
        assert order["module"] not in sys.modules
        sys.meta_path.insert(0, _Finder(order["module"], order["source"]))
