"""The doctor's table, Redis and who is behind it: a real server, brought into each state."""

import ssl
from datetime import timedelta
from types import SimpleNamespace

import pytest

from mailworker.cli.doctor_checks import redis as redis_checks
from mailworker.cli.doctor_checks import workers
from mailworker.cli.doctor_checks.all_checks import Round, examine
from mailworker.config.settings import parse_settings
from mailworker.container import Container
from mailworker.core.clock import utc_now
from mailworker.core.version import VERSION
from mailworker.queue import envelope
from mailworker.tasks import maintenance
from tests.doubles import CONFIG
from tests.integration.mailjet_wire import Wire, answer, make_certificate

pytestmark = pytest.mark.integration

ALL_QUEUES = [{"name": queue} for process in workers.PRODUCTION_WORKERS for queue in process.queues]


def container_at(url):
    return Container(parse_settings(f'{CONFIG}  redis_url: "{url}"\n', environ={}))


def faults(container, *subjects):
    found = [one for one in examine(container, Round(subjects)) if one.subject in subjects]
    return "\n".join(fault for one in found for fault in one.faults)


@pytest.fixture
def server(valkey, valkey_redis):
    """A Redis as production wants it."""
    before = {
        name: valkey_redis.config_get(name)[name] for name in ("appendonly", "appendfsync", "maxmemory")
    }
    for name, value in {
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
    }.items():
        valkey_redis.config_set(name, value)
    container = container_at(valkey.url)
    yield SimpleNamespace(redis=valkey_redis, container=container, url=valkey.url)
    valkey_redis.replicaof("NO", "ONE")
    for name, value in {**before, "requirepass": ""}.items():
        valkey_redis.config_set(name, value)
    container.close()


def test_a_good_one_is_well(server):
    assert faults(server.container, "redis") == ""


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("appendonly", "no", "set `appendonly yes`"),
        ("appendfsync", "everysec", "set `appendfsync always`"),
        ("maxmemory-policy", "allkeys-lru", "set `maxmemory-policy noeviction`"),
    ],
)
def test_one_that_would_lose_jobs(server, setting, value, words):
    server.redis.config_set(setting, value)
    assert words in faults(server.container, "redis")


def test_a_full_one_and_no_check_falls_over_it(server):
    server.redis.config_set("maxmemory", "1mb")
    said = faults(server.container, "redis", "beat", "queues")
    assert "full, and refuses new jobs when it is full: raise maxmemory" in said
    assert "Beat was never heard" not in said, "it cannot be written down where Redis takes nothing"


def test_a_read_only_replica(server):
    server.redis.replicaof("127.0.0.1", "1")
    assert "This Redis is a read-only replica" in faults(server.container, "redis", "beat", "queues")


def test_a_wrong_password(server):
    server.redis.config_set("requirepass", "other")
    wrong = container_at(server.url.replace("redis://", "redis://:secret@"))
    said = faults(wrong, "redis")
    server.redis.execute_command("AUTH", "other")
    wrong.close()
    assert said == "Redis refuses our password: correct the one in worker.redis_url (REDIS_URL)."


def test_one_that_is_down():
    assert "Redis does not answer (ConnectionError): start it" in faults(
        container_at("redis://127.0.0.1:1/0"), "redis"
    )


@pytest.mark.parametrize(
    ("version", "words"), [("6.2.7", "Redis is version 6.2.7: install 7.0"), ("7.0.15", "")]
)
def test_an_old_version(version, words):
    fake = SimpleNamespace(info=lambda: {"redis_version": version, "role": "master"})
    assert words == "\n".join(redis_checks.state_faults(fake))[: len(words)]


def test_a_clock_that_runs_ahead(server):
    ahead = lambda: utc_now() + timedelta(hours=1)  # noqa: E731
    assert "3600 s apart: run an NTP client" in next(redis_checks.clock_skew(server.redis, ahead))


def test_a_certificate_that_nobody_trusts(tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pem = make_certificate(tmp_path)
    context.load_cert_chain(pem, tmp_path / "wire.key")
    with Wire([answer(200, "")], tls=context) as wire:
        said = faults(container_at(f"rediss://{wire.url.removeprefix('https://')}0"), "redis")
    assert "Redis's certificate is not trusted: add ?ssl_ca_certs=" in said


def asked(queues=None, about=None):
    return lambda _url, _patience: (queues or {}, about or {})


@pytest.mark.parametrize(
    ("queues", "about", "words"),
    [
        ({}, {}, "No worker answers: start them"),
        (
            {"w@h": [one for one in ALL_QUEUES if one["name"] != "render"]},
            {},
            "Nobody listens to render: start a",
        ),
        ({"w@h": ALL_QUEUES}, {"w@h": {"configuration": "old"}}, "w@h started with another crm_config.yaml"),
        ({"w@h": ALL_QUEUES}, {"w@h": {"configuration": "ours"}}, ""),
        ({"w@h": ALL_QUEUES}, {"w@h": {"mailjet_key": "other"}}, "w@h started with another key or secret"),
        ({"w@h": ALL_QUEUES}, {"w@h": {"mailjet_key": "key"}}, ""),
        ({"w@h": ALL_QUEUES}, {"w@h": {"mailjet_key": ""}}, ""),
        # Rendering calls nobody at Mailjet: its container has no key, and what stands in the file instead of one.
        (
            {"w@h": ALL_QUEUES, "r@h": [{"name": "render"}, {"name": "r@h.dq2"}]},
            {"r@h": {"mailjet_key": "none in its environment"}},
            "",
        ),
        (
            {"w@h": ALL_QUEUES, "r@h": [{"name": "render"}, {"name": "scans"}]},
            {"r@h": {"mailjet_key": "other"}},
            "r@h started with",
        ),
        ({"w@h": ALL_QUEUES}, {"w@h": {"configuration": "ours", "version": VERSION}}, ""),
        ({"w@h": ALL_QUEUES}, {"w@h": {"version": "0.0.1"}}, "w@h runs mailworker 0.0.1, and this is "),
        ({"w@h": ALL_QUEUES}, {"w@h": {"error": "Unknown control command"}}, ""),
    ],
)
def test_workers(queues, about, words):
    said = workers.worker_faults("redis://127.0.0.1/0", asked(queues, about), "ours", utc_now, "key")
    assert "\n".join(said).startswith(words)
    assert bool(said) is bool(words)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3600, "The clock of w@h's host is 60 min ahead: run an NTP client there."),
        (-31, "The clock of w@h's host is 31 s behind: run an NTP client there."),
        (30, None),
        (-30, None),
    ],
)
def test_a_workers_clock(seconds, words):
    now = utc_now()
    about = {"w@h": {"clock": (now + timedelta(seconds=seconds)).isoformat()}}
    said = workers.worker_faults(
        "redis://127.0.0.1/0", asked({"w@h": ALL_QUEUES}, about), "ours", lambda: now
    )
    assert [one.startswith(words) for one in said] == ([True] if words else [])


def test_a_worker_that_answers_late_is_asked_once_more():
    answers = iter([({}, {}), ({"w@h": ALL_QUEUES}, {})])
    assert workers.worker_faults("redis://127.0.0.1/0", lambda *_: next(answers), "ours", utc_now) == []


def test_real_workers_cannot_be_asked_when_redis_is_away():
    (said,) = workers.worker_faults("redis://127.0.0.1:1/0", workers.ask_workers, "ours", utc_now)
    assert "The workers cannot be asked" in said


class TestBeat:
    def test_never_heard(self, server):
        assert "Beat was never heard: start one" in faults(server.container, "beat")

    def test_silent(self, server):
        server.redis.set(envelope.BEAT_KEY, (utc_now() - timedelta(minutes=2)).isoformat())
        assert "Beat was last heard 120 s ago" in faults(server.container, "beat")

    def test_one(self, server):
        maintenance._note_beat(server.container, "gen1@a")
        assert faults(server.container, "beat") == ""

    def test_two(self, server):
        for origin in ("gen1@a", "gen7@b"):
            maintenance._note_beat(server.container, origin)
        assert "2 beats run (1@a, 7@b): stop all but one" in faults(server.container, "beat")

    def test_the_one_before_a_restart_is_forgotten(self, server):
        maintenance._note_beat(server.container, "gen1@a")
        server.redis.zadd(envelope.BEATS_KEY, {"9@a": (utc_now() - timedelta(seconds=40)).timestamp()})
        assert faults(server.container, "beat") == ""
