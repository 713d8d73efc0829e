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


def read(path: Path) -> WrongSample:
    """The sample in that file of the checkout.

    Raises:
        ValueError: the file does not begin with the two comments.
    """
    wrong, says, *_ = [*path.read_text().splitlines(), "", ""]
    if not (wrong.startswith("# wrong: ") and says.startswith("# says: ")):
        raise ValueError(
            f"{path.name} does not begin with the comments of a wrong sample. Write '# wrong: ' and what is wrong in "
            "its first line, and '# says: ' and the words of the refusal in its second."
        )
    return WrongSample(path.relative_to(CHECKOUT), wrong.removeprefix("# wrong: "), says.removeprefix("# says: "))


ALL = tuple(read(path) for path in sorted((CHECKOUT / "crds" / "samples" / "wrong").glob("*.yaml")))
