"""The health that Argo CD's Lua gives an object agrees with the conditions that the operator writes."""

from typing import Any

import pytest
from fakes.account_states import STATES, State
from lupa.lua51 import LuaRuntime

from batteries_sandbox import gitops


def health(body: dict[str, Any]) -> tuple[str, str]:
    """What the kind's script says, in Lua as bare as Argo CD's: 5.1 with no more than the base and table libraries."""
    lua = LuaRuntime(unpack_returned_tuples=True)
    lua.execute("getmetatable('').__index = nil")
    for library in ("string", "math", "io", "debug", "package", "require", "coroutine"):
        lua.execute(f"{library} = nil")
    lua.globals()["obj"] = lua.table_from(body, recursive=True)
    told: Any = lua.execute(gitops.health_scripts()[body["kind"]])
    return told["status"], told["message"]


def a(kind: str, spec: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"generation": 1}, "spec": spec, **more}


# Argo CD does not ask the script about what is being deleted; the test with Argo CD itself has that state too.
ASKED = [pytest.param(state, id=name) for name, state in STATES.items() if not state.account.is_deleted]


@pytest.mark.parametrize("state", ASKED)
def test_the_script_agrees_with_the_operator(state: State) -> None:
    status, message = health(state.wire)
    assert status == state.argocd
    assert message.startswith(state.message)


def test_an_account_without_any_status_is_not_healthy() -> None:
    assert health(a("AwsAccount", {"email": "a@example.com"}))[0] == "Progressing"


def test_the_states_cover_every_verdict() -> None:
    assert {state.argocd for state in STATES.values()} == {"Progressing", "Healthy", "Degraded", "Suspended"}
    assert {state.kstatus for state in STATES.values()} == {"InProgress", "Current", "Failed", "Terminating"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (a("Customer", {"email": "a@example.com"}), ("Healthy", "")),
        (a("Customer", {"email": "a@example.com"}, status={"paymentMethod": "valid"}), ("Healthy", "")),
        (
            a("Customer", {"email": "a@example.com"}, status={"paymentMethod": "missing"}),
            ("Suspended", "No valid payment method: new accounts are refused (HTTP 402)."),
        ),
        (a("ApiKey", {"role": "admin"}), ("Healthy", "")),
        (
            a("ApiKey", {"role": "admin", "revokedAt": "2026-11-24T00:00:00Z"}),
            ("Healthy", "Revoked since 2026-11-24T00:00:00Z."),
        ),
    ],
)
def test_customers_and_keys_are_nothing_to_wait_for(body: dict[str, Any], expected: tuple[str, str]) -> None:
    assert health(body) == expected


def test_there_is_a_script_for_each_kind() -> None:
    assert set(gitops.health_scripts()) == {"AwsAccount", "Customer", "ApiKey", "AccountPool"}


def a_pool(*conditions: tuple[str, str, str], seen: int = 1) -> dict[str, Any]:
    told = [{"type": kind, "status": state, "message": message} for kind, state, message in conditions]
    return a("AccountPool", {"size": 3}, status={"observedGeneration": seen, "conditions": told})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (a("AccountPool", {"size": 3}), "Progressing"),
        (a_pool(("Filled", "True", "3 are ready."), seen=0), "Progressing"),
        (a_pool(), "Healthy"),
        (a_pool(("Filled", "False", "1 is ready.")), "Healthy"),
        (a_pool(("Filled", "True", "3 are ready.")), "Healthy"),
        (a_pool(("Filled", "False", "1 is ready."), ("Stalled", "True", "3 in a row broke.")), "Degraded"),
    ],
)
def test_a_pool_is_healthy_while_it_fills_and_degraded_when_it_is_stalled(body: dict[str, Any], expected: str) -> None:
    status, message = health(body)
    assert status == expected
    told = [each["message"] for each in body.get("status", {}).get("conditions", [])]
    assert message == (told[-1] if told else "") or "not seen" in message
