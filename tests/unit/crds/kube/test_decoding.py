"""Kubernetes' JSON is decoded with the garbage collector paused, and the collector's state is restored."""

import gc
import json

import pytest
from fakes.collector import LONG, looks

from batteries_crds.kube.decoding import decoded


def test_nothing_is_collected_while_a_list_is_decoded() -> None:
    with looks() as found:
        plain = json.loads(LONG)
    assert len(found) > 10, "as it is without"
    with looks() as found:
        assert decoded(LONG) == plain
    assert len(found) <= 1, "one that was due when it was done"
    assert gc.isenabled()


def test_the_collector_is_as_it_was_where_decoding_fails_or_it_was_off() -> None:
    with pytest.raises(json.JSONDecodeError):
        decoded("{")
    assert gc.isenabled()
    gc.disable()
    try:
        assert decoded("[1]") == [1]
        assert not gc.isenabled()
    finally:
        gc.enable()
