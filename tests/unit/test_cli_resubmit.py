"""`mailworker messages resubmit`: a refused job becomes the message that it should have been, once."""

from datetime import timedelta

import pytest
from redis.exceptions import ConnectionError as RedisGone
from sqlalchemy import insert, select, update
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.container import Container
from mailworker.core.clock import utc_now
from mailworker.core.lane import Lane
from mailworker.intake import Intake, JobStream
from mailworker.ledger import Ledger
from mailworker.ledger.tables import messages, rejected_jobs
from mailworker.queue import envelope
from mailworker.queue.celery_queues import MAIL
from mailworker.queue.refill_log import Keeping
from tests.doubles import CONFIG, FakeFiles
from tests.redis_clock import simulated_redis
from tests.rows import URGENT

JOB = {
    "kind": URGENT,
    "to": "zoe@client.example",
    "variables": {"user_name": "Zoé", "reset_url": "https://crm.example/r/1", "expiry_time": "1 h"},
}


@pytest.fixture
def ledger(tmp_path, ledger_file, monkeypatch):
    (tmp_path / "crm_config.yaml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.setenv("CRM_CONFIG", str(tmp_path / "crm_config.yaml"))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{ledger_file}")
    opened = Ledger.open(f"sqlite:///{ledger_file}")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def redis(monkeypatch):
    found = simulated_redis()
    monkeypatch.setattr(Container, "redis", found)
    return found


def refuse(ledger, payload, source="stream"):
    with ledger.write() as connection:
        values = {
            "at": utc_now(),
            "source": source,
            "faults": ["kind: there is no such."],
            "payload": payload,
        }
        return connection.execute(insert(rejected_jobs).values(values)).inserted_primary_key[0]


def run(*arguments):
    done = CliRunner().invoke(build(), ["messages", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return " ".join(done.stdout.split())


def rows(ledger, table):
    with ledger.read() as connection:
        return connection.execute(select(table)).mappings().all()


def test_it_is_shown_first_then_taken_in_once(ledger):
    number = refuse(ledger, JOB)
    assert f"{number} " in run("list", "--rejected")
    assert "1 would be taken in" in run("resubmit", number)
    assert rows(ledger, messages) == []
    assert "1 is on its way." in run("resubmit", number, "--yes")
    (message,) = rows(ledger, messages)
    assert (message["to_email"], message["state"]) == ("zoe@client.example", "ready")
    assert rows(ledger, rejected_jobs) == []
    assert "no refused job of this number" in run("resubmit", number, "--yes")
    assert len(rows(ledger, messages)) == 1


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (None, "not kept for longer than worker.keep_jobs (30 min)"),
        ({"fields": ["kind", "to"]}, "not kept for longer than worker.keep_jobs (30 min)"),
        (JOB | {"kind": "nonsense"}, "kind"),
        (JOB | {"to": "x"}, "to"),
    ],
)
def test_what_cannot_be_taken_in_stays_and_says_why(ledger, payload, words):
    number = refuse(ledger, payload)
    told = run("resubmit", number, "--yes")
    assert words in told
    assert "0 are on their way" in told
    assert len(rows(ledger, rejected_jobs)) == 1


def test_several_are_counted(ledger):
    numbers = [refuse(ledger, JOB | {"to": to}) for to in ("a@b.example", "c@d.example")]
    assert "Dry run: 2 would be taken in. Add --yes to do it." in run("resubmit", *numbers)
    assert run("resubmit", *numbers, "--yes") == "2 are on their way."


def test_a_key_of_another_message_stays_refused(ledger):
    first, second = (
        refuse(ledger, JOB | {"to": to, "idempotency_key": "k"}) for to in ("a@b.example", "c@d.example")
    )
    run("resubmit", first, "--yes")
    assert "other content" in run("resubmit", second, "--yes")
    assert len(rows(ledger, messages)) == 1


def test_what_redis_still_keeps_becomes_the_message_that_it_should_have_been(ledger, redis):
    """Its kind was missing from the configuration when a worker read it."""
    intake = Intake(ledger, {}, FakeFiles(), language="fr")
    redis.xadd(MAIL[Lane.URGENT].stream, envelope.seal(JOB | {"idempotency_key": "k"}, utc_now()))
    stream = JobStream(redis, Lane.URGENT, intake, keeping=Keeping(timedelta(seconds=300), 100_000))
    assert stream.drain_some(utc_now()).rejected == 1
    (refused,) = rows(ledger, rejected_jobs)
    assert "zoe" not in str(dict(refused)), "the ledger has no value of it"
    assert "1 would be taken in" in run("resubmit", refused["id"])
    assert "1 is on its way." in run("resubmit", refused["id"], "--yes")
    (message,) = rows(ledger, messages)
    assert (message["to_email"], message["idempotency_key"]) == ("zoe@client.example", "k")
    assert rows(ledger, rejected_jobs) == []


def refused_in_one_moment(ledger, redis):
    """Two jobs of two lanes, whose entries have the same id; the numbers under which they are refused."""
    intake, keeping = Intake(ledger, {}, FakeFiles(), language="fr"), Keeping(timedelta(seconds=300), 100_000)
    id_ = f"{int(utc_now().timestamp() * 1000)}-0"
    for lane, to in ((Lane.URGENT, "urgent@client.example"), (Lane.BULK, "bulk@client.example")):
        redis.xadd(MAIL[lane].stream, envelope.seal(JOB | {"to": to}, utc_now()), id=id_)
        assert JobStream(redis, lane, intake, keeping=keeping).drain_some(utc_now()).rejected == 1
    return {row["entry_id"]: row["id"] for row in rows(ledger, rejected_jobs)}, id_


def test_two_lanes_jobs_of_one_moment_are_both_kept_and_each_is_taken_in_as_itself(ledger, redis):
    refused, id_ = refused_in_one_moment(ledger, redis)
    assert set(refused) == {f"urgent:{id_}", f"bulk:{id_}"}
    run("resubmit", refused[f"bulk:{id_}"], "--yes")
    assert [row["to_email"] for row in rows(ledger, messages)] == ["bulk@client.example"]
    run("resubmit", refused[f"urgent:{id_}"], "--yes")
    assert {row["to_email"] for row in rows(ledger, messages)} == {
        "bulk@client.example",
        "urgent@client.example",
    }
    assert rows(ledger, rejected_jobs) == []


@pytest.mark.parametrize("lanes", [1, 2])
def test_a_row_of_an_older_worker_names_no_lane_and_is_taken_in_where_one_alone_had_its_id(
    ledger, redis, lanes
):
    refused, id_ = refused_in_one_moment(ledger, redis)
    if lanes == 1:
        redis.delete(*redis.keys("*urgent*"))
    number = refused[f"bulk:{id_}"]
    with ledger.write() as connection:
        connection.execute(update(rejected_jobs).where(rejected_jobs.c.id == number).values(entry_id=id_))
    found = run("resubmit", number, "--yes")
    assert ("1 is on its way." in found) == (lanes == 1)
    assert [row["to_email"] for row in rows(ledger, messages)] == ["bulk@client.example"] * (lanes == 1)


def test_what_came_by_a_celery_task_is_the_callers_to_repeat(ledger):
    number = refuse(ledger, {"fields": ["kind"]}, source="celery:send_email")
    assert "comes by a Celery task is not kept" in run("resubmit", number, "--yes")


def test_without_redis_it_says_so(ledger, redis, monkeypatch):
    def gone(*_args, **_kwargs):
        raise RedisGone

    monkeypatch.setattr(redis, "xrevrange", gone)
    assert "Redis does not answer" in run("resubmit", refuse(ledger, None), "--yes")
