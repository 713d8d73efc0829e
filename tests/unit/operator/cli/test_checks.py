"""What each check of the doctor finds, at its bounds; and how `doctor` and `check` end by what was found."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from fakes.factory import settings

from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.organizations import NotPreparedError
from batteries_operator.cli import doctor
from batteries_operator.cli.checks import FEW_ACCOUNTS, FEW_MAILS, Checks
from batteries_operator.cli.findings import Finding, Verdict


def returning(value: Any) -> Any:
    async def answer(*_: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    return answer


def checks(**parts: Any) -> Checks:
    aws = SimpleNamespace(caller=None, identity_center=SimpleNamespace(admin=None), **parts)
    return Checks(cast(Any, aws), settings())


def mail(**account: Any) -> Checks:
    return checks(mail=SimpleNamespace(enabled=True, account=returning(account)))


def quota(most: float, sent: float) -> dict[str, float]:
    return {"Max24HourSend": most, "SentLast24Hours": sent}


@pytest.mark.parametrize(
    ("account", "verdict", "words"),
    [
        ({}, Verdict.MISSING, "SES has stopped sending"),
        ({"SendingEnabled": False}, Verdict.MISSING, "SES has stopped sending"),
        ({"SendingEnabled": True}, Verdict.WARNING, "SES is in its sandbox"),
        ({"SendingEnabled": True, "SendQuota": quota(200, 0)}, Verdict.WARNING, "SES is in its sandbox"),
        (
            {"SendingEnabled": True, "ProductionAccessEnabled": True, "SendQuota": quota(FEW_MAILS + 5, 5)},
            Verdict.OK,
            f"sends {FEW_MAILS} more mails",
        ),
        (
            {"SendingEnabled": True, "ProductionAccessEnabled": True, "SendQuota": quota(FEW_MAILS + 4, 5)},
            Verdict.WARNING,
            f"sends {FEW_MAILS - 1} more mails",
        ),
        ({"SendingEnabled": True, "ProductionAccessEnabled": True}, Verdict.WARNING, "sends 0 more mails"),
    ],
)
async def test_what_ses_sends(account: dict[str, Any], verdict: Verdict, words: str) -> None:
    found = await mail(**account).mail_account()
    assert found.verdict is verdict
    assert words in found.text


async def test_without_a_sender_ses_is_not_asked() -> None:
    nothing = checks(mail=SimpleNamespace(enabled=False))
    assert "SES was not checked" in (await nothing.mail_account()).text
    assert "no mails are sent" in (await nothing.mail_sender()).text
    assert (await nothing.mail_account()).verdict is (await nothing.mail_sender()).verdict is Verdict.WARNING


@pytest.mark.parametrize(("verified", "verdict"), [(True, Verdict.OK), (False, Verdict.WARNING)])
async def test_whether_ses_sends_from_our_address(verified: bool, verdict: Verdict) -> None:
    made = checks(mail=SimpleNamespace(enabled=True, sender_verified=returning(verified)))
    assert (await made.mail_sender()).verdict is verdict


def organization(management: str | Exception, ours: str) -> Checks:
    return checks(
        organizations=SimpleNamespace(management_account=returning(management)),
        sts=SimpleNamespace(own_account=returning(ours)),
    )


@pytest.mark.parametrize(
    ("management", "verdict", "is_hopeless"),
    [
        ("000", Verdict.OK, False),
        ("111", Verdict.MISSING, True),
        (AwsError("o:D", "AccessDeniedException", "no", http_status=400), Verdict.MISSING, True),
        (AwsError("o:D", "ThrottlingException", "busy", http_status=400), Verdict.MISSING, False),
        (AwsError("o:D", "InvalidClientTokenId", "keys", http_status=403), Verdict.MISSING, True),
    ],
)
async def test_credentials_of_another_account_are_hopeless_and_a_busy_aws_is_not(
    management: str | Exception, verdict: Verdict, is_hopeless: bool
) -> None:
    found = await organization(management, "000").management_account()
    assert (found.verdict, found.hopeless) == (verdict, is_hopeless)


async def counted(accounts: int) -> int:
    return accounts


@pytest.mark.parametrize(
    ("allowed", "left", "verdict"),
    [
        (10, FEW_ACCOUNTS + 1, Verdict.OK),
        (10, FEW_ACCOUNTS, Verdict.WARNING),
        (10, 0, Verdict.MISSING),
        (2000, 101, Verdict.OK),
        (2000, 100, Verdict.WARNING),
    ],
)
async def test_few_accounts_left_are_a_warning_and_none_is_an_error(allowed: int, left: int, verdict: Verdict) -> None:
    made = checks(
        limits=SimpleNamespace(accounts_allowed=returning(allowed)),
        organizations=SimpleNamespace(count=lambda: counted(allowed - left)),
    )
    found = await made.account_quota()
    assert (found.verdict, f"accounts left: {left} of {allowed}" in found.text) == (verdict, True)


OK, WARNED = Finding(Verdict.OK, "fine"), Finding(Verdict.WARNING, "so so")
MISSING, HOPELESS = Finding(Verdict.MISSING, "gone"), Finding(Verdict.MISSING, "no way", hopeless=True)


@pytest.mark.parametrize(
    ("found", "doctors", "checks_status", "said"),
    [
        ([OK, WARNED], 0, 0, ""),
        ([OK, MISSING], 1, 0, "The operator starts nevertheless"),
        ([HOPELESS, MISSING], 1, 1, "The operator can't work until that is fixed."),
        ([NotPreparedError("Run bootstrap.")], 1, 0, "Run bootstrap."),
        ([AwsError("o:D", "AccessDeniedException", "no", http_status=400)], 1, 0, "o:D"),
    ],
)
async def test_how_the_commands_end(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    found: list[Any],
    doctors: int,
    checks_status: int,
    said: str,
) -> None:
    closed: list[bool] = []
    aws = SimpleNamespace(close=lambda: closed.append(True))
    monkeypatch.setattr(doctor, "Aws", SimpleNamespace(open=returning(aws)))
    every = tuple(returning(each) for each in found)
    monkeypatch.setattr(Checks, "__init__", lambda self, aws, chosen, pools: None)
    monkeypatch.setattr(Checks, "all", lambda self: every)
    monkeypatch.setattr(Checks, "preflight", lambda self: every)
    assert await doctor.doctor(settings()) == doctors
    assert await doctor.check(settings()) == checks_status
    told = capsys.readouterr().out
    assert said in told
    assert closed == [True, True]
    assert [line[:4].strip() for line in told.splitlines()[: len(found)]] == [
        each.verdict.value if isinstance(each, Finding) else Verdict.MISSING.value for each in found
    ]
