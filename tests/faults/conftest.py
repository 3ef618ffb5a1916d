"""Starts a house for each fault, and prints what every fault did."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mailworker.cli.running import Servers
from tests.faults.scene import CALLS_PER_MINUTE, Balance, Scene, changes

_BALANCES: list[Balance] = []

Open = Callable[..., Scene]


@pytest.fixture
def open_scene(tmp_path: Path) -> Iterator[Open]:
    """Opens houses that are closed when the test ends."""
    with ExitStack() as stack:

        def open_(calls_per_minute: int = CALLS_PER_MINUTE, **worker: Any) -> Scene:
            servers = Servers(
                tmp_path,
                changes=changes(calls_per_minute, **worker),
                simulator=["--index-delay", "1"],
            )
            stack.enter_context(servers)
            return Scene(servers, calls_per_minute)

        yield open_


@pytest.fixture
def all_is_well() -> Callable[[Scene, str], Balance]:
    """Checks the invariants at rest: all there, none twice, the limit kept; and keeps the figures for the table."""

    def check(scene: Scene, fault: str) -> Balance:
        rested = scene.come_to_rest()
        balance = scene.balance(fault)
        _BALANCES.append(balance)
        assert rested, f"not at rest: {balance}"
        assert balance.lost == 0, balance
        assert balance.twice == 0, balance
        assert balance.fullest_minute <= balance.limit, balance
        return balance

    return check


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not _BALANCES:
        return
    line = terminalreporter.write_line
    line("")
    line(f"{'fault':<44}{'mails':>7}{'sent':>7}{'other':>7}{'lost':>6}{'twice':>7}{'calls/60s':>12}{'s':>6}")
    for b in _BALANCES:
        other = b.by_state.total() - b.by_state["sent"]
        calls = f"{b.fullest_minute} of {b.limit}"
        line(
            f"{b.fault:<44}{b.accepted:>7}{b.by_state['sent']:>7}{other:>7}{b.lost:>6}{b.twice:>7}"
            f"{calls:>12}{b.seconds:>6.0f}"
        )
