"""The operator counts and times each thing once, with no account, customer or AWS text in a label."""

import asyncio
import json
from collections.abc import Iterator

import botocore.session
import pytest
from fakes.factory import Factory, refusal, settings
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from batteries_crds.github.trust_policy import ROLE_NAME, nobody
from batteries_crds.names import Phase
from batteries_crds.notification import NotificationKind
from batteries_operator.aws.error_meanings import ErrorKind
from batteries_operator.aws.guardrails import guardrails
from batteries_operator.aws.partition import AWS
from batteries_operator.runtime import metrics
from batteries_operator.steps.pipeline import CLOSE_ACCOUNT, FIND_ACCOUNT, PROVISIONING, SUSPENSION

SERVICES = {
    "iam": "iam",
    "identitystore": "identitystore",
    "organizations": "organizations",
    "ses": "sesv2",
    "servicequotas": "service-quotas",
    "sso": "sso-admin",
    "sts": "sts",
}
"""Services as IAM policies name them, and as botocore does."""


def _operations() -> Iterator[str]:
    session = botocore.session.get_session()
    for prefix, controller in SERVICES.items():
        yield from (f"{prefix}:{name}" for name in session.get_service_model(controller).operation_names)


STEPS = {str(step.name) for step in (*PROVISIONING, FIND_ACCOUNT, *SUSPENSION, CLOSE_ACCOUNT)}
LABELS: dict[str, set[str]] = {
    "step": STEPS,
    "phase": {*Phase},
    "kind": {*NotificationKind},
    "outcome": {
        "done",
        "wait",
        "waive",
        "fail",
        "sent",
        "failed",
        "dropped",
        "disabled",
        "ok",
        "throttled",
        "broken_off",
        *ErrorKind,
    },
    "result": {"done", "requeued", "stalled", "error"},
    "limit": {"creations", "assignments", "closures"},
    "operation": set(_operations()),
    "policy": {guard.name for guard in guardrails(settings(), AWS).all},
}
"""Every value that a label of the operator's may have."""


class Count:
    """How much a sample has grown since this was made."""

    def __init__(self, name: str, **labels: str) -> None:
        self._name, self._labels = name, labels
        self._before = self._now()

    def _now(self) -> float:
        return REGISTRY.get_sample_value(self._name, self._labels) or 0

    def __call__(self) -> float:
        return self._now() - self._before


def timed(step: str) -> Count:
    return Count("batteries_step_duration_seconds_count", step=step)


async def test_an_account_is_timed_once_as_a_whole_and_once_for_each_step(factory: Factory) -> None:
    whole = Count("batteries_account_provisioning_duration_seconds_count")
    seconds = Count("batteries_account_provisioning_duration_seconds_sum")
    steps = {str(step.name): timed(str(step.name)) for step in PROVISIONING}
    process = await factory.active(githubRepos=["octo-org/web"])
    assert whole() == 1
    assert 0 <= seconds() < 30, "since it was made; Kubernetes' times have whole seconds"
    assert {name: count() for name, count in steps.items()} == dict.fromkeys(steps, 1)
    await factory.change(githubRepos=["octo-org/other"])
    await process.until("acme")
    assert whole() == 1, "a change of an account that was active makes no new account"
    assert {name: count() for name, count in steps.items()} == dict.fromkeys(steps, 1) | {"setup_oidc": 2}


async def test_what_a_comparison_mends_is_drift_and_no_step_that_took_since_the_last(factory: Factory) -> None:
    process = await factory.active(githubRepos=["octo-org/web"])
    drift, step = Count("batteries_drift_total", step="setup_oidc"), timed("setup_oidc")
    iam = await factory.client("iam", (await factory.account()).status.aws_account_id)
    await asyncio.to_thread(iam.update_assume_role_policy, RoleName=ROLE_NAME, PolicyDocument=json.dumps(nobody()))
    assert await process.resync(await factory.account())
    assert (drift(), step()) == (1, 0)


async def test_a_step_that_was_given_up_is_timed_from_its_next_try(factory: Factory) -> None:
    process = await factory.start()
    await factory.add()
    process.before_call = refusal("iam:CreateUser", "ValidationError", times=1)
    assert (await process.until("acme")).status.phase == "failed"
    failed = Count("batteries_step_outcomes_total", step="create_iam_user", outcome="done")
    step = timed("create_iam_user")
    await factory.change(displayName="once more")
    await process.until("acme")
    assert (failed(), step()) == (1, 1)


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"kind": "throttle"}, "throttled"),
        ({"kind": "answer_lost"}, "transient"),
        ({"kind": "error", "code": "AccessDeniedException"}, "unknown"),
    ],
    ids=["throttled", "lost", "denied"],
)
async def test_aws_calls_are_counted_by_what_became_of_them(
    factory: Factory, fault: dict[str, str], outcome: str
) -> None:
    await factory.standin("faults", {"operation": "MoveAccount", "times": 1, **fault})
    operation = "organizations:MoveAccount"
    bad = Count("batteries_aws_calls_total", operation=operation, outcome=outcome)
    good = Count("batteries_aws_calls_total", operation=operation, outcome="ok")
    took = Count("batteries_aws_call_duration_seconds_count", operation=operation)
    await factory.active()
    # One whose answer was lost moved the account all the same, so none follows it.
    assert (bad(), good()) == (1, 0 if outcome == "transient" else 1)
    assert took() == bad() + good()


def _ours() -> list[MetricWrapperBase]:
    return [each for each in vars(metrics).values() if isinstance(each, MetricWrapperBase)]


def _values() -> Iterator[tuple[str, str, str]]:
    """Of the operator's alone: in this process the API server's may have been counted too, by other tests."""
    for metric in (metric for each in _ours() for metric in each.collect()):
        for sample in metric.samples:
            yield from ((metric.name, label, value) for label, value in sample.labels.items() if label != "le")


async def test_labels_have_few_values_that_are_known_beforehand(factory: Factory) -> None:
    for metric in _ours():
        metric.clear()  # other tests of this process give some of them labels of their own
    await factory.standin("faults", {"kind": "error", "code": "Odd-1f3c", "operation": "MoveAccount", "times": 1})
    process = await factory.active(githubRepos=["octo-org/web"])
    await factory.change(suspended=True)
    await process.until("acme")
    seen = set(_values())
    assert {label for _, label, _ in seen} >= {"step", "outcome", "operation"}
    assert not {(name, label, value) for name, label, value in seen if value not in LABELS.get(label, set())}
