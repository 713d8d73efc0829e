"""What the chart decides where nobody says it, rendered by the real helm."""

from typing import Any

import pytest
import yaml

from batteries_sandbox import helm

INGRESS = ("--set=ingress.enabled=true", "--set=ingress.hosts={api.example.com}")
ROUTE = (
    "--api-versions=gateway.networking.k8s.io/v1/HTTPRoute",
    "--set=httpRoute.enabled=true",
    "--set=httpRoute.parentRefs[0].name=gateway",
)


def environment(*arguments: str) -> dict[str, Any]:
    """The API server's environment variables."""
    documents = [one for one in yaml.safe_load_all(helm.render("batteries", *arguments)) if one]
    [deployment] = [
        one for one in documents if one["kind"] == "Deployment" and one["metadata"]["name"].endswith("-apiserver")
    ]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one.get("value") for one in container["env"]}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "0"),
        (INGRESS, "1"),
        (ROUTE, "1"),
        ((*INGRESS, *ROUTE), "1"),
        ((*INGRESS, "--set=api.trustedProxies=0"), "0"),
        ((*INGRESS, "--set=api.trustedProxies=2"), "2"),
        (("--set=api.trustedProxies=3",), "3"),
        ((*INGRESS, "--set-json=api.trustedProxies=null"), "1"),
        ((*INGRESS, "--set-string=api.settings.BATTERIES_TRUSTED_PROXIES=4"), "4"),
    ],
    ids=["neither", "ingress", "route", "both", "explicit none", "explicit", "alone", "null", "setting"],
)
def test_a_proxy_that_the_chart_puts_before_the_api_is_trusted(arguments: tuple[str, ...], expected: str) -> None:
    assert environment(*arguments)["BATTERIES_TRUSTED_PROXIES"] == expected


@pytest.mark.parametrize(("arguments", "expected"), [((), "false"), (("--set=stripe.testMode=true",), "true")])
def test_stripes_test_mode_is_off_unless_it_is_asked_for(arguments: tuple[str, ...], expected: str) -> None:
    assert environment(*arguments)["BATTERIES_STRIPE_TEST_MODE"] == expected
