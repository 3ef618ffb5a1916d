"""What a fail-over of PostgreSQL or Redis could lose is read back by the doctor, and can be excluded."""

import subprocess

import pytest
from redis import Redis

from mailworker.cli.doctor_checks.finding import Note
from mailworker.cli.doctor_checks.ledger_database import ledger_faults
from mailworker.cli.doctor_checks.redis import failover_faults
from mailworker.client import MailClient, MaybeEnqueued
from mailworker.ledger import Ledger
from tests.doubles import box
from tests.integration.conftest import ValkeyServer
from tests.integration.postgres import ROLE, Cluster, find_binaries
from tests.integration.redis_waits import until
from tests.rows import URGENT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

VARIABLES = {"user_name": "Zoé", "reset_url": "https://crm.example/r/1", "expiry_time": "1 heure"}


@pytest.fixture
def cluster():
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed here")
    made = Cluster(binaries, keeps_commits=True)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def asked(cluster):
    """What the doctor says of this cluster's ledger."""
    ledgers = []

    def ask():
        ledgers.append(Ledger.open(cluster.url()))
        settings = box(worker=box(database_url=cluster.url()))
        return list(ledger_faults(box(ledger=ledgers[-1], settings=settings)))

    yield ask
    for ledger in ledgers:
        ledger.close()


def test_a_server_that_forgets_commits_is_told(cluster, asked):
    assert asked() == []
    cluster.execute("ALTER DATABASE postgres SET synchronous_commit = off")
    (said,) = asked()
    assert "synchronous_commit" in said


def test_a_standby_that_follows_asynchronously_is_noted_until_it_is_a_synchronous_one(cluster, asked):
    target = cluster.folder / "wal"
    command = [cluster.binaries / "pg_receivewal", "-D", target, "-h", cluster.folder, "-U", ROLE]
    cluster._run(["mkdir", target])
    import_poller = subprocess.Popen(command, cwd="/", **cluster._as_user())
    try:
        until(lambda: any("asynchronously" in one for one in asked()))
        assert all(isinstance(one, Note) for one in asked())
        cluster.execute("ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (one)'")
        cluster.execute("ALTER SYSTEM SET synchronous_commit = 'on'")
        cluster.execute("SELECT pg_reload_conf()")
        until(lambda: asked() == [])
    finally:
        import_poller.kill()
        import_poller.wait()


def test_two_servers_that_take_writes_are_told(cluster):
    other = Cluster(cluster.binaries)
    url = f"postgresql+psycopg://{ROLE}@/postgres?host={cluster.folder},{other.folder}&target_session_attrs=read-write"
    ledger = Ledger.open(cluster.url())
    container = box(ledger=ledger, settings=box(worker=box(database_url=url)))
    try:
        assert list(ledger_faults(container)) == [], "one of them is away"
        other.start()
        (said,) = ledger_faults(container)
        assert said.startswith(f"{cluster.folder} and {other.folder} both take writes")
    finally:
        ledger.close()
        other.stop()


@pytest.fixture
def pair():
    """A primary, its replica, and a client of the primary."""
    primary, replica = ValkeyServer(), ValkeyServer()
    primary.start()
    replica.start()
    main, copy = Redis.from_url(primary.url, decode_responses=True), Redis.from_url(replica.url)
    copy.replicaof("127.0.0.1", primary.port)
    until(lambda: main.info("replication")["connected_slaves"] == 1 and main.wait(1, 1000) == 1)
    yield box(url=primary.url, main=main, copy=copy, replica=replica)
    main.close()
    copy.close()
    primary.stop()
    replica.stop()


def test_a_primary_that_takes_jobs_alone_is_noted(pair):
    (said,) = failover_faults(pair.main)
    assert isinstance(said, Note)
    pair.main.config_set("min-replicas-to-write", 1)
    assert list(failover_faults(pair.main)) == []


def test_a_job_counts_once_a_replica_has_it(pair):
    client = MailClient(pair.url, replicas=1)
    client.send(URGENT, "ana@example.com", VARIABLES, idempotency_key="one")
    assert pair.copy.xlen("mailworker:jobs:urgent") == 1, "a fail-over at this moment loses nothing"
    pair.replica.stop()
    with pytest.raises(MaybeEnqueued, match="Too few replicas"):
        client.send(URGENT, "ana@example.com", VARIABLES, idempotency_key="two")
    client.close()


def test_a_job_that_too_few_replicas_have_wakes_its_workers(pair):
    """It raised the flag, so until that falls nobody else would, and a caller that repeats raises it anew."""
    pair.replica.stop()
    client = MailClient(pair.url, replicas=1)
    with pytest.raises(MaybeEnqueued):
        client.send(URGENT, "ana@example.com", VARIABLES, idempotency_key="one")
    assert pair.main.llen("mail.urgent") == 1
    client.close()
