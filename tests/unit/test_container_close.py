"""A container gives back everything that it opened, and opens nothing for that."""

import pytest

from mailworker.balances.cgrates_container import EngineParts
from mailworker.config.cgrates import CgratesSettings
from mailworker.container import Container
from mailworker.crm.cgrates import CgratesClient

PARTS = ["redis", "ledger", "crm", "charging", "gateway"]


class Part:
    def __init__(self, fault=None):
        self.fault = fault
        self.closed = 0

    def close(self):
        self.closed += 1
        if self.fault:
            raise self.fault


@pytest.mark.parametrize("opened", [PARTS, PARTS[:1], PARTS[3:], []])
def test_what_was_opened_is_closed_and_nothing_else(opened):
    container = Container(None)
    container.__dict__.update({name: Part() for name in opened})
    container.close()
    kept = container.__dict__.keys() - {"settings"}
    assert kept == set(opened)
    assert [container.__dict__[name].closed for name in opened] == [1] * len(opened)


@pytest.mark.parametrize("broken", PARTS)
def test_one_that_fails_keeps_no_other_from_being_closed(broken):
    container = Container(None)
    container.__dict__.update({name: Part() for name in PARTS} | {broken: Part(OSError("gone"))})
    with pytest.raises(OSError, match="gone"):
        container.close()
    assert all(container.__dict__[name].closed == 1 for name in PARTS)


def test_the_engines_client_is_closed_where_there_is_one():
    parts = EngineParts(None, lambda: None, lambda: None)
    parts.close()
    assert "client" not in parts.__dict__
    client = parts.__dict__["client"] = CgratesClient(CgratesSettings(url="http://127.0.0.1:1/jsonrpc"))
    closed = []
    client._session.close = lambda: closed.append(True)
    parts.close()
    assert closed == [True]
