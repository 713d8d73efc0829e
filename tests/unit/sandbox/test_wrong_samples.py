"""A wrong sample says in its first lines what is wrong and how Kubernetes refuses it."""

from pathlib import Path

import pytest

from batteries_sandbox import wrong_samples


@pytest.mark.parametrize("text", ["", "kind: AwsAccount\n", "# wrong: a word\nkind: AwsAccount\n"])
def test_a_sample_without_its_comments_is_refused_with_what_to_write(tmp_path: Path, text: str) -> None:
    file = tmp_path / "account-word.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"account-word\.yaml .*'# wrong: '.*'# says: '"):
        wrong_samples.read(file)
