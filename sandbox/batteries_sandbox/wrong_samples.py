"""The manifests of crds/samples/wrong: mistakes that a person may make, and the words that should help them.

Each file begins with two comments, `# wrong: …` and `# says: …`. If it has two documents, the first is right and the
second a change that is refused.
"""

from dataclasses import dataclass
from pathlib import Path

from batteries_sandbox.paths import CHECKOUT


@dataclass(frozen=True, slots=True)
class WrongSample:
    """A manifest that must be refused, and the words of the refusal."""

    path: Path
    wrong: str
    says: str

    @property
    def name(self) -> str:
        """The file's name without the ending."""
        return self.path.stem

    def documents(self) -> list[str]:
        """Its documents; only the last is wrong."""
        return (CHECKOUT / self.path).read_text().split("---\n")


def _read(path: Path) -> WrongSample:
    wrong, says = path.read_text().splitlines()[:2]
    return WrongSample(path.relative_to(CHECKOUT), wrong.removeprefix("# wrong: "), says.removeprefix("# says: "))


ALL = tuple(_read(path) for path in sorted((CHECKOUT / "crds" / "samples" / "wrong").glob("*.yaml")))
