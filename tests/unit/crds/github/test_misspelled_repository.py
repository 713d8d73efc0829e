"""Whoever writes a repository as a URL or with a branch is told what to write."""

import pytest

from batteries_crds.github.repository import check_all


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("my-org/app@main", "names a branch, tag or commit after @"),
        ("my-org/app#main", "names a branch, tag or commit after #"),
        ("my-org/app:ref:refs/heads/main", "names a branch, tag or commit after :"),
        ("my-org/app/tree/main", "goes on after the repository's name"),
        ("my-org/app@v1.2.3", "which of its branches and tags may deploy is said in deployFrom"),
        ("my-org/app@20240101", "on one side only"),
        ("my-org@1/app", "on one side only"),
        ("https://github.com/my-org/app", "is a URL"),
        ("https://github.com/my-org/app.git", "is a URL"),
        ("https://github.com/my-org/app/tree/main?x=1", "is a URL"),
        ("http://www.GitHub.com/my-org/app/", "is a URL"),
        ("github.com/my-org/app", "is a URL"),
        ("git@github.com:my-org/app.git", "is a URL"),
        ("ssh://git@github.com:22/my-org/app.git", "is a URL"),
        ("https://x-access-token:s3cret@github.com/my-org/app", "is a URL"),
        ("repo:my-org/app:*", "is the subject of a token"),
        ("my-org/app.git", "is not written exactly as org/repo"),
        ("my-org/app/", "is not written exactly as org/repo"),
        (" my-org/app ", "is not written exactly as org/repo"),
    ],
)
def test_a_misspelled_repository_is_explained_and_never_accepted(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"is not a repository: it .* Write my-org/app\.$") as refused:
        check_all([text])
    assert says in str(refused.value)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("text", ["my-org@1/app@2@main", "https://github.com/my-org@1/app@2.git"])
def test_ids_that_were_given_are_kept(text: str) -> None:
    with pytest.raises(ValueError, match=r"Write my-org@1/app@2\.$"):
        check_all([text])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "app",
        "/",
        "*/*",
        "my-org/*",
        "my-org/*@main",
        "my-org/.git",
        "https://gitlab.com/my-org/app",
        "gitlab.com/my-org/app",
        "https://github.com.evil.example/my-org/app",
        "https://github.com/",
        "@/@",
        "my-org/",
    ],
)
def test_where_nobody_can_tell_what_was_meant_the_rule_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="is not a repository") as refused:
        check_all([text])
    assert "Write " not in str(refused.value)
