"""Mailjet away for a minute, with the settings that operators get: what is in doubt, what is told, what goes on."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from mailworker.cli.local_stack import wait_until
from mailworker.cli.local_stack.redis_server import free_port
from tests.faults.gate import Gate
from tests.faults.scene import RESET, STRICT, Balance, Scene

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

AWAY_SECONDS = 60
BACKLOG = 3000
#: The call that was under way when it began.
MOST_IN_DOUBT = 50


@pytest.fixture
def scene(open_scene: Callable[..., Scene]) -> Iterator[tuple[Scene, Gate]]:
    """A stack of shipped settings, its Mailjet behind a gate."""
    port = free_port()
    with Gate(port) as gate:
        opened = open_scene(200, simulator_port=port, api_url=gate.url)
        opened.staff()
        yield opened, gate


@contextmanager
def _misbehaving(scene: Scene, fault: str, **rule: object) -> Iterator[None]:
    scene.servers.mailbox.misbehave(fault, match={"path": "/v3.1/send"}, **rule)
    yield
    scene.servers.mailbox.behave()


@contextmanager
def _unreachable(gate: Gate) -> Iterator[None]:
    gate.shut()
    yield
    gate.open()


AWAY = {
    "503": lambda scene, _gate: _misbehaving(scene, "error_502_html"),
    "taken, then 500": lambda scene, _gate: _misbehaving(scene, "error_500_after"),
    "hanging": lambda scene, _gate: _misbehaving(scene, "hang_before", seconds=120),
    "taken, then hanging": lambda scene, _gate: _misbehaving(scene, "accept_then_hang", seconds=120),
    "unreachable": lambda _scene, gate: _unreachable(gate),
}


@pytest.mark.parametrize("how", AWAY)
def test_a_minute_away(scene: tuple[Scene, Gate], how: str, for_the_table: Callable[[Balance], None]):
    opened, gate = scene
    opened.enqueue(BACKLOG // 2, kind=STRICT)
    assert wait_until(lambda: opened.sent() >= 100, seconds=60), "it is in full flow"
    with AWAY[how](opened, gate):
        opened.enqueue(BACKLOG // 2, kind=STRICT)
        assert wait_until(lambda: "OUT OF ORDER" in opened.log(), seconds=45), "the operator is told at once"
        opened.enqueue(10, kind=RESET)
        time.sleep(AWAY_SECONDS)  # the outage itself
    back = time.monotonic()

    def went_on() -> bool:
        return opened.states()["sent"] >= BACKLOG + 10 - MOST_IN_DOUBT

    assert wait_until(went_on, seconds=180), f"{opened.states()} after {time.monotonic() - back:.0f} s"
    assert wait_until(
        lambda: opened.states()["sent"] + opened.states()["unknown"] == BACKLOG + 10, seconds=60
    )
    balance = opened.balance(f"Mailjet for {AWAY_SECONDS} s: {how}")
    for_the_table(balance)
    assert balance.lost == 0
    assert balance.twice == 0
    assert balance.fullest_minute <= 200
    assert balance.by_state["unknown"] <= MOST_IN_DOUBT
    assert opened.log().count("OUT OF ORDER") == 1, "told once"
    assert opened.log().count("answers again") == 1
