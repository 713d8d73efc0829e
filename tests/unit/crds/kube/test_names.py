"""Which names an object can have; others cause no request."""

import pytest

from batteries_crds.kube.rest import can_be_object_name


@pytest.mark.parametrize("name", ["a", "7", "a-b", "a.b", "a--b", "acme.example.com", "a" * 253])
def test_a_dns_subdomain_is_a_name(name: str) -> None:
    assert can_be_object_name(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a..b", ".a", "a.", "-a", "a-", "a.-b", "A", "a_b", "a/b", "a%b", "%", "a\n", "ſ", "٣", "a" * 254],
)
def test_anything_else_is_none(name: str) -> None:
    assert not can_be_object_name(name)
