"""Root e-mail addresses of AWS accounts: there is no default, and what AWS would refuse is reported before."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from fakes.factory import Factory, settings

from batteries_operator.cli.checks import Checks
from batteries_operator.cli.main import main
from batteries_operator.cli.root_email import not_yours, problem
from batteries_operator.runtime import logs
from batteries_operator.runtime.naming import account_email
from batteries_operator.runtime.settings import Settings

PROGRAM = Path(sys.executable).parent / "batteries-operator"
GOOD = "aws+{id}@accounts.acme.io"


class Ended(NamedTuple):
    """How a command ended, and what it printed."""

    status: int
    stdout: str
    stderr: str


Run = Callable[[str, str | None], Ended]


def in_a_process(command: str, template: str | None) -> Ended:
    """Runs the operator's command in a separate process, which finds neither AWS nor a cluster."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BATTERIES_", "AWS_", "KUBE"))}
    environment = kept | environment_of(template)
    done = subprocess.run([PROGRAM, command], env=environment, capture_output=True, text=True, check=False, timeout=60)
    return Ended(done.returncode, done.stdout, done.stderr)


def environment_of(template: str | None) -> dict[str, str]:
    environment = {"BATTERIES_KUBECONFIG": "/nowhere", "BATTERIES_LEADER_ELECTION": "false"}
    environment |= {"BATTERIES_METRICS_PORT": "0", "BATTERIES_HEALTH_PORT": "0"}
    return environment | ({} if template is None else {"BATTERIES_ACCOUNT_EMAIL_TEMPLATE": template})


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """The same in this process, which has imported all of it: a separate one takes a second to begin."""

    def here(command: str, template: str | None) -> Ended:
        for name in list(os.environ):
            if name.startswith(("BATTERIES_", "AWS_", "KUBE")):
                monkeypatch.delenv(name)
        for name, value in environment_of(template).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(logs, "configure", lambda style, level: None)  # it is for the rest of the process
        monkeypatch.setattr(sys, "argv", [str(PROGRAM), command])
        capfd.readouterr()
        return Ended(main(), *capfd.readouterr())

    return here


def test_there_is_no_default_mailbox() -> None:
    chosen = Settings()
    assert (chosen.account_email_template, chosen.mail_sender) == ("", "")


def says_why(done: Ended) -> None:
    assert (done.status, done.stdout) == (2, "")
    _, sentence, where = done.stderr.splitlines()
    assert where == "See docs/settings.md."
    assert "BATTERIES_ACCOUNT_EMAIL_TEMPLATE is not set, and it has no default" in sentence
    assert "can take the account over" in sentence
    assert "operator.accountEmailTemplate" in sentence


@pytest.mark.parametrize("template", [None, "", " "])
def test_the_operator_refuses_to_start_without_a_template_and_says_why(run: Run, template: str | None) -> None:
    says_why(run("run", template))


def test_its_process_ends_so_too() -> None:
    says_why(in_a_process("run", None))


def test_the_operator_refuses_to_start_with_a_template_that_aws_would_refuse(run: Run) -> None:
    done = run("run", "aws@acme.io")
    assert (done.status, "must contain {id}" in done.stderr) == (2, True)


@pytest.mark.parametrize("command", ["policy", "bootstrap-policy"])
def test_commands_that_make_no_accounts_do_without(run: Run, command: str) -> None:
    assert run(command, None).status == 0


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("", "has no default"),
        ("aws@acme.io", "must contain {id}"),
        ("aws+{id}@" + "x" * 30 + ".com", "addresses of 65 characters; AWS allows 64"),
        ("aws+{id}", "exactly one @"),
        ("aws@{id}@acme.io", "exactly one @"),
        ("aws+{id}@acme", "a domain with a dot"),
        ("aws+{id}@acme..io", "a domain with a dot"),
        ("aws+{id}@-{id}_.io", "a domain with a dot"),
        ("a b+{id}@acme.io", "before the @"),
        (".aws+{id}@acme.io", "before the @"),
        ("aws,{id}@acme.io", "before the @"),
        ("äws+{id}@acme.io", "ASCII"),
    ],
)
def test_what_aws_would_refuse_is_said(template: str, sentence: str) -> None:
    assert sentence in str(problem(template))


def test_the_longest_address_that_aws_takes_is_taken() -> None:
    template = "aws+{id}@" + "x" * 29 + ".com"
    assert problem(template) is None
    assert len(account_email(template, "00000000-0000-0000-0000-000000000000")) == 64


@pytest.mark.parametrize(
    ("domain", "word"),
    [
        *(
            (domain, "reserved for examples")
            for domain in ("example.com", "mail.example.org", "acme.example", "x.test")
        ),
        *((domain, "the vendor's") for domain in ("aibatteriesincluded.com", "Mail.AIBatteriesIncluded.com")),
    ],
)
def test_a_domain_that_can_not_be_ones_own_is_known(domain: str, word: str) -> None:
    assert word in str(not_yours(f"aws+{{id}}@{domain}"))


@pytest.mark.parametrize("domain", ["accounts.acme.io", "example-company.com", "notaibatteriesincluded.com"])
def test_any_other_domain_may_be(domain: str) -> None:
    assert not_yours(f"aws+{{id}}@{domain}") is None


@pytest.mark.parametrize(
    ("operator_settings", "line"),
    [
        (settings(account_email_template=GOOD), "ok root e-mail addresses are made from aws+{id}@accounts.acme.io"),
        (settings(account_email_template=""), "FAIL BATTERIES_ACCOUNT_EMAIL_TEMPLATE is not set"),
        (settings(account_email_template="aws@acme.io"), "FAIL BATTERIES_ACCOUNT_EMAIL_TEMPLATE must contain {id}"),
        (settings(account_email_template="a+{id}@example.com"), "FAIL root e-mail addresses are made from a+{id}@exam"),
    ],
)
async def test_the_doctor_says_what_is_wrong_with_it(bare_factory: Factory, line: str) -> None:
    process = await bare_factory.start()
    finding = await Checks(process.deps.aws, bare_factory.settings).root_addresses()
    assert f"{finding.verdict} {finding.text}".startswith(line)
