"""PostgreSQL fails over to a standby that is behind, or is not; a pooler; a ledger restored from a copy.

All with the settings that operators get.
"""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from mailworker.cli.local_stack import wait_until
from mailworker.core.clock import utc_now
from tests.faults.postgres_pair import Pair, Pooler
from tests.faults.scene import RESET, STRICT, Scene
from tests.integration.postgres import find_binaries

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

VARIABLES = {"first_name": "Ana", "offer": "Fibre"}
WAITING = 400
SENT = 400
#: Single mails without a key, by plain Celery tasks.
PLAIN = 20


def command(scene: Scene, *arguments: str) -> str:
    """What `mailworker ...` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "mailworker", *arguments],
        env=scene.servers.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def lost_by_doctor(scene: Scene) -> str:
    return command(scene, "doctor", "--only", "messages")


def refilled(scene: Scene, *options: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(command(scene, "ledger", "refill", "--json", *options))
    return found


def enqueue_for_later(scene: Scene, count: int) -> None:
    for number in range(count):
        when = (utc_now() + timedelta(seconds=60)).isoformat()
        key = f"later-{number}"
        scene.ids.add(
            scene.servers.client.send(
                STRICT, f"{key}@example.com", VARIABLES, send_at=when, idempotency_key=key
            )
        )


def enqueue_plainly(scene: Scene, count: int) -> None:
    for number in range(count):
        message = {"kind": STRICT, "to": f"plain-{number}@example.com", "variables": VARIABLES}
        asked = scene.servers.celery.send_task("mailworker.send_email", kwargs=message, queue="mail.bulk")
        scene.ids.add(asked.get(timeout=60))
        asked.backend = None  # else its end, which comes whenever it likes, waits for the Redis of this test


@pytest.fixture
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed here")
    with Pair(binaries, synchronous=getattr(request, "param", False)) as made:
        yield made


Open = Callable[..., Scene]


def staffed(open_scene: Open, url: str | None) -> Scene:
    scene = open_scene(200, database_url=url)
    scene.staff()
    return scene


def test_a_standby_that_was_behind_loses_nothing_after_a_refill_and_doubles_nothing(
    pair: Pair, open_scene: Open, all_is_well: Callable[..., object]
):
    """400 sent and 400 that wait for their time are in the lost tail; callers repeat 100 of the sent ones."""
    scene = staffed(open_scene, pair.url)
    scene.enqueue(20, kind=STRICT, tag="before-")
    assert wait_until(lambda: scene.sent() == 20, seconds=60)
    pair.standby.stop_following()
    scene.enqueue(SENT, kind=STRICT, tag="tail-")
    enqueue_for_later(scene, WAITING)
    assert wait_until(lambda: scene.sent() == 20 + SENT and scene.states().total() == 820, seconds=90)
    pair.fail_over()
    assert scene.states().total() <= 20 + 50, "the standby knows nothing of the tail"
    assert "The ledger lacks" in lost_by_doctor(scene)
    for number in range(100):  # as a caller does that is not sure
        scene.ids.add(scene.send(STRICT, f"tail-{STRICT}-{20 + number}-{number}"))

    lacked = refilled(scene, "--dry-run")["lacked"]
    assert isinstance(lacked, int)
    assert lacked >= SENT + WAITING - 150, "what was not repeated, nor had reached the standby"
    assert refilled(scene)["lacked"] == lacked
    all_is_well(scene, "PostgreSQL: asynchronous standby, refilled", seconds=240)

    assert scene.states()["sent"] == 820
    assert refilled(scene, "--dry-run")["lacked"] == 0
    assert "The ledger lacks" not in lost_by_doctor(scene)
    assert "LOST CALLS" in scene.log(), "the operator is told"


@pytest.mark.parametrize("pair", [True], indirect=True)
def test_a_synchronous_standby_needs_no_refill(
    pair: Pair, open_scene: Open, all_is_well: Callable[..., object]
):
    scene = staffed(open_scene, pair.url)
    feeder = scene.trickle(600, seconds=20)
    assert wait_until(lambda: scene.sent() > 100, seconds=60)
    pair.fail_over()
    feeder.join()

    all_is_well(scene, "PostgreSQL: synchronous standby", seconds=240)

    assert scene.states()["sent"] == 600
    assert refilled(scene, "--dry-run")["lacked"] == 0


@pytest.mark.parametrize("pair", [True], indirect=True)
def test_a_standby_that_stays_in_recovery_for_a_while(
    pair: Pair, open_scene: Open, all_is_well: Callable[..., object]
):
    """Workers come to it by the name before it is promoted: it reads, and refuses to write."""
    scene = staffed(open_scene, pair.url)
    feeder = scene.trickle(600, seconds=30)
    assert wait_until(lambda: scene.sent() > 100, seconds=60)
    pair.fail_over(hesitate=20)
    feeder.join()

    all_is_well(scene, "PostgreSQL: synchronous standby, 20 s in recovery", seconds=240)

    assert scene.states()["sent"] == 600
    assert refilled(scene, "--dry-run")["lacked"] == 0


def test_a_pooler_in_transaction_mode(postgres: object, open_scene: Open, all_is_well: Callable[..., object]):
    binary = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if binary is None:
        pytest.skip("pgbouncer is not installed here")
    with Pooler(binary, postgres) as pooler:  # type: ignore[arg-type]
        scene = staffed(open_scene, pooler.url)
        scene.enqueue(2_000, kind=STRICT)
        scene.enqueue(20, kind=RESET)

        all_is_well(scene, "PostgreSQL behind pgbouncer", seconds=120)

        assert scene.states()["sent"] == 2_020
        assert "ProgrammingError" not in scene.log()
        scene.servers.close()


def test_sqlite_restored_from_a_copy_taken_before(open_scene: Open, all_is_well: Callable[..., object]):
    scene = staffed(open_scene, None)
    scene.enqueue(50, kind=STRICT, tag="before-")
    assert wait_until(lambda: scene.sent() == 50, seconds=60)
    ledger, copy = scene.servers.folder / "mailworker.db", scene.servers.folder / "copy.db"
    with closing(sqlite3.connect(ledger)) as now, closing(sqlite3.connect(copy)) as then:
        now.backup(then)
    scene.enqueue(SENT, kind=STRICT, tag="tail-")
    enqueue_plainly(scene, PLAIN)
    enqueue_for_later(scene, WAITING)
    sent, all_ = 50 + SENT + PLAIN, 50 + SENT + PLAIN + WAITING
    assert wait_until(lambda: scene.sent() == sent and scene.states().total() == all_, seconds=90)
    for child in [
        child for child in scene.servers.children if child.name not in {"Redis", "The local Mailjet"}
    ]:
        child.stop()
        scene.servers.children.remove(child)
    for leftover in ("mailworker.db-wal", "mailworker.db-shm"):
        (scene.servers.folder / leftover).unlink(missing_ok=True)
    copy.replace(ledger)
    scene.staff()

    assert refilled(scene)["lacked"] == SENT + PLAIN + WAITING
    all_is_well(scene, "SQLite restored, refilled", seconds=240)

    assert scene.states()["sent"] == all_
