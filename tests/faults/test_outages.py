"""Mailjet away for a minute, with the settings that operators get: what is in doubt, what is told, what goes on."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mailworker.cli.local_stack import wait_until
from mailworker.cli.local_stack.redis_server import free_port
from mailworker.core.clock import utc_now
from tests.faults.gate import Gate
from tests.faults.scene import RESET, STRICT, Balance, Scene
from tests.faults.ways_away import (
    a_stall,
    expired,
    maintenance,
    make_certificates,
    misbehaving,
    server_context,
    unreachable,
)

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

AWAY_SECONDS = 60
BACKLOG = 3000
RESETS = 10
#: Mails that are too late by the time that Mailjet is back.
LATE = 5
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


AWAY = {
    "503": lambda scene, _gate: misbehaving(scene, "error_502_html"),
    "taken, then 500": lambda scene, _gate: misbehaving(scene, "error_500_after"),
    "hanging": lambda scene, _gate: misbehaving(scene, "hang_before", seconds=120),
    "taken, then hanging": lambda scene, _gate: misbehaving(scene, "accept_then_hang", seconds=120),
    "unreachable": lambda _scene, gate: unreachable(gate),
    "a page of HTML with 200": maintenance,
    "half an answer": a_stall,
}
#: How long Mailjet takes for each answer before it is lost, in seconds.
SLOW = {"answers after 1 s": 1, "answers after 20 s": 20}


@pytest.mark.parametrize("how", AWAY)
def test_a_minute_away(scene: tuple[Scene, Gate], how: str, for_the_table: Callable[[Balance], None]):
    away(scene, how, AWAY_SECONDS, for_the_table)


@pytest.mark.parametrize("how", SLOW)
def test_a_minute_of_silence_after_slow_answers(
    scene: tuple[Scene, Gate], how: str, for_the_table: Callable[[Balance], None]
):
    opened, _ = scene
    seconds = SLOW[how]
    opened.servers.mailbox.misbehave("slow", match={"path": "/v3.1/send"}, seconds=seconds)
    away(scene, "hanging", AWAY_SECONDS, for_the_table, named=f"hanging, {how}", at_least=200 // seconds)


@pytest.fixture
def scene_over_tls(open_scene: Callable[..., Scene], tmp_path: Path) -> Iterator[tuple[Scene, Gate]]:
    """The same over TLS, its Mailjet's certificate by an authority of its own."""
    port = free_port()
    bundle = make_certificates(tmp_path)
    with Gate(port, tls=server_context(tmp_path / "good.pem")) as gate:
        sections = {"mailjet": {"ca_bundle": str(bundle)}}
        opened = open_scene(200, simulator_port=port, api_url=gate.url, sections=sections)
        opened.staff()
        yield opened, gate


def test_a_minute_with_an_expired_certificate(
    scene_over_tls: tuple[Scene, Gate], tmp_path: Path, for_the_table: Callable[[Balance], None]
):
    opened, gate = scene_over_tls
    away(
        scene_over_tls,
        lambda *_: expired(gate, tmp_path),
        AWAY_SECONDS,
        for_the_table,
        named="an expired certificate",
    )
    assert "certificate is not trusted" in opened.log()


@pytest.mark.skipif("LONG" not in os.environ, reason="LONG=1 make faults: each takes 35 minutes")
@pytest.mark.timeout(2700)
@pytest.mark.parametrize("how", ["503", "hanging", "unreachable"])
def test_half_an_hour_away(scene: tuple[Scene, Gate], how: str, for_the_table: Callable[[Balance], None]):
    away(scene, how, 1800, for_the_table)


def away(
    scene: tuple[Scene, Gate],
    how: str | Callable[..., AbstractContextManager[None]],
    seconds: float,
    for_the_table: Callable[[Balance], None],
    *,
    named: str = "",
    at_least: int = 100,
) -> None:
    """Mailjet is away for so long in the middle of a backlog: what is in doubt, what is told, what goes on."""
    opened, gate = scene
    opened.enqueue(BACKLOG // 2, kind=STRICT)
    assert wait_until(lambda: opened.sent() >= at_least, seconds=120), "it is in full flow"
    with (AWAY[how] if isinstance(how, str) else how)(opened, gate):
        opened.enqueue(BACKLOG // 2, kind=STRICT)
        assert wait_until(lambda: "OUT OF ORDER" in opened.log(), seconds=45), "the operator is told at once"
        opened.enqueue(RESETS, kind=RESET)
        late = enqueue_short_lived(opened, LATE)
        opened.ids |= late
        time.sleep(seconds)  # the outage itself
    back, back_at = time.monotonic(), utc_now()
    alive = BACKLOG + RESETS

    def went_on() -> bool:
        return opened.states()["sent"] >= alive - MOST_IN_DOUBT

    assert wait_until(went_on, seconds=120), f"{opened.states()} after {time.monotonic() - back:.0f} s"
    took = time.monotonic() - back

    def settled() -> bool:
        states = opened.states()
        return states["sent"] + states["unknown"] == alive and states["expired"] == LATE

    assert wait_until(settled, seconds=60), opened.states()
    balance = opened.balance(f"Mailjet for {seconds:.0f} s: {named or how}, back in {took:.0f} s")
    for_the_table(balance)
    assert balance.lost == 0
    assert balance.twice == 0
    assert balance.fullest_minute <= 200
    assert balance.by_state["unknown"] <= MOST_IN_DOUBT
    assert opened.log().count("OUT OF ORDER") == 1, "told once"
    assert opened.log().count("answers again") == 1
    assert not late & {mail["custom_id"] for mail in opened.servers.mailbox.messages()}, "it was too late"
    if how not in {"taken, then 500", "taken, then hanging"}:  # there look-ups find others meanwhile
        assert resets_first(opened, back_at)


def enqueue_short_lived(scene: Scene, count: int) -> set[str]:
    """Mails that are of no use any more when Mailjet is back; their ids."""
    ids = set()
    for number in range(count):
        end = (utc_now() + timedelta(seconds=20)).isoformat()
        variables = {"first_name": "Ana", "offer": "Fibre"}
        ids.add(
            scene.servers.client.send(
                STRICT, "ana@example.com", variables, expires_at=end, idempotency_key=f"short-{number}"
            )
        )
    return ids


def resets_first(scene: Scene, back_at: datetime) -> bool:
    """Whether the urgent mails left right after those that tried, ten at most where a look-up found others."""
    query = """SELECT kind FROM messages WHERE state = 'sent' AND reason = 'accepted by Mailjet' AND changed_at > :at
        ORDER BY changed_at LIMIT 25"""
    kinds = [row[0] for row in scene.ask(query, at=back_at.replace(tzinfo=None).isoformat(" "))]
    return kinds.count(RESET) == RESETS
