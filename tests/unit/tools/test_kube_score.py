"""kube-score's findings are fixed or excepted with a reason; if it can't be built, that is reported."""

import pytest

from batteries_sandbox.errors import SandboxError
from batteries_tools import kube_score
from batteries_tools.kube_score import RENDERINGS, Excepted, Finding, exceptions, wrong

LOW = Finding("on OpenShift", "user-group", "Deployment/d c", "low user ID")


def test_a_finding_needs_an_exception_of_its_check_words_and_rendering() -> None:
    assert wrong([LOW], [Excepted("user-group", "low user", "why")]) == []
    assert wrong([LOW], [Excepted("user-group", "low user", "why", only="on OpenShift")]) == []
    for other in (
        Excepted("other", "low user", "why"),
        Excepted("user-group", "low group", "why"),
        Excepted("user-group", "low user", "why", only="default"),
    ):
        told = wrong([LOW], [other])
        assert "Deployment/d c, rendered on OpenShift: low user ID (user-group)" in told[0]
        assert "matches nothing" in told[1]


def test_each_exception_has_a_reason_and_names_a_rendering_that_there_is() -> None:
    for one in exceptions():
        assert one.reason.endswith(".")
        assert one.only in ("", *RENDERINGS)


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_where_it_can_not_be_had_that_is_said_and_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ci: str, status: int
) -> None:
    def none() -> None:
        raise SandboxError("set GOPROXY to a Go module proxy that you reach")

    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(kube_score, "provide", none)
    assert kube_score.main() == status
    told = capsys.readouterr().err
    assert "NOT checked by kube-score" in told
    assert "GOPROXY" in told
