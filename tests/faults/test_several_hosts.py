"""Several hosts: two with data, two with workers. One with data is lost; nothing that was accepted is."""

import json
import os
import pwd
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from mailworker.cli.local_stack import Servers, wait_until
from mailworker.cli.local_stack.child_process import Child
from mailworker.cli.local_stack.redis_server import free_port, redis_command
from mailworker.client import MailClient, MaybeEnqueued, NotEnqueued
from tests.faults.network import Host, Network, network
from tests.faults.scene import CALLS_PER_MINUTE, CAMPAIGN, RESET, RESET_VARIABLES, Scene, shipped
from tests.integration.postgres import ROLE, find_binaries, unprivileged_user

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
QUEUES = "mail.urgent,mail.normal,mail.bulk,celery,render,scans,contacts"
INVOICE = json.loads(
    (Path(__file__).parents[2] / "examples" / "invoices" / "facture.json").read_text("utf-8")
)
REDIS, SENTINEL, POSTGRES = 6379, 26379, 5432


@pytest.fixture
def net():
    with network() as made:
        yield made


def answers(address: str) -> bool:
    with (
        suppress(RedisError),
        Redis(host=address, port=REDIS, socket_timeout=1, socket_connect_timeout=1) as redis,
    ):
        return bool(redis.ping())
    return False


class Data:
    """Redis with a replica and three sentinels, PostgreSQL with a synchronous standby."""

    def __init__(self, net: Network, first: Host, second: Host, watching: list[Host]) -> None:
        self.net, self.first, self.second = net, first, second
        self.binaries = find_binaries() or pytest.skip("PostgreSQL is not installed here")
        self._start_redis()
        self._watch(watching)
        self._start_postgres()
        sentinels = ",".join(f"{host.address}:{SENTINEL}" for host in watching)
        self.redis_url = f"sentinel://{sentinels}/mail/0"
        both = f"{first.address},{second.address}&port={POSTGRES},{POSTGRES}"
        self.ledger_url = f"postgresql+psycopg://{ROLE}@/postgres?host={both}&target_session_attrs=read-write&connect_timeout=2"

    def _start_redis(self) -> None:
        for host in (self.first, self.second):
            folder = self.net.folder / f"redis-{host.name}"
            folder.mkdir()
            words = redis_command(REDIS, folder)
            words[words.index("127.0.0.1")] = "0.0.0.0"
            words += ["--protected-mode", "no"]
            follow = ["--replicaof", f"{self.first.address} {REDIS}"] if host is self.second else []
            host.start("redis", [*words, *follow]).wait_ready(lambda host=host: answers(host.address))

    def _watch(self, watching: list[Host]) -> None:
        binary = redis_command(REDIS, self.net.folder)[0]
        for host in watching:
            file = self.net.folder / f"sentinel-{host.name}.conf"
            file.write_text(
                f"port {SENTINEL}\nprotected-mode no\nsentinel monitor mail {self.first.address} {REDIS} 2\n"
                "sentinel down-after-milliseconds mail 2000\nsentinel failover-timeout mail 6000\n"
            )
            host.start("sentinel", [binary, str(file), "--sentinel"])

    def _start_postgres(self) -> None:
        main, copy = (self.net.folder / f"pg-{host.name}" for host in (self.first, self.second))
        for folder in (main, copy):
            folder.mkdir(mode=0o700)
            os.chown(folder, *_user())
        self._as_postgres(
            self.first,
            "initdb",
            "-D",
            str(main),
            "-U",
            ROLE,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        )
        with (main / "pg_hba.conf").open("a") as file:
            file.write(
                f"host all all {self.net.prefix}.0/24 trust\nhost replication all {self.net.prefix}.0/24 trust\n"
            )
        self.primary = self._postgres(self.first, str(main))
        self.primary.wait_ready(lambda: self._psql(self.first, "SELECT 1") == "1")
        self._as_postgres(
            self.second,
            "pg_basebackup",
            "-D",
            str(copy),
            "-h",
            self.first.address,
            "-U",
            ROLE,
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
        )
        self.standby = self._postgres(self.second, str(copy))
        self.standby.wait_ready(lambda: self._psql(self.second, "SELECT 1") == "1")
        self._psql(self.first, "ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (walreceiver)'")
        self._psql(self.first, "SELECT pg_reload_conf()")
        synchronous = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        assert wait_until(lambda: self._psql(self.first, synchronous) == "1", seconds=30)

    def _postgres(self, host: Host, data: str) -> Child:
        settings = ["-c", "fsync=off", "-c", "listen_addresses=*", "-c", "unix_socket_directories="]
        words = ["setpriv", f"--reuid={_user()[0]}", f"--regid={_user()[1]}", "--clear-groups"]
        return host.start("postgres", [*words, str(self.binaries / "postgres"), "-D", data, *settings])

    def _as_postgres(self, host: Host, program: str, *words: str) -> None:
        user = ["setpriv", f"--reuid={_user()[0]}", f"--regid={_user()[1]}", "--clear-groups"]
        done = host.run(*user, str(self.binaries / program), *words)
        assert done.returncode == 0, done.stderr

    def _psql(self, host: Host, statement: str) -> str:
        words = ["psql", "-h", host.address, "-U", ROLE, "-d", "postgres", "-Atc", statement]
        return host.run(str(self.binaries / words[0]), *words[1:]).stdout.strip()

    def lose_the_first(self) -> None:
        """Its cable is pulled: what ran there goes on, and reaches nobody."""
        self.first.pull_the_cable()

    def promote(self) -> None:
        """What an operator, or Patroni in their place, does: the standby becomes the primary."""
        self._psql(self.second, "ALTER SYSTEM RESET synchronous_standby_names")
        assert self._psql(self.second, "SELECT pg_promote(true, 30)") == "t"
        assert self._psql(self.second, "SELECT pg_reload_conf()") == "t"


def _user() -> tuple[int, int]:
    entry = pwd.getpwnam(unprivileged_user())
    return entry.pw_uid, entry.pw_gid


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def worker_on(host: Host, servers: Servers, config: str | None = None) -> Child:
    """A worker for every queue on this machine."""
    environ = servers.environ | ({"CRM_CONFIG": config} if config else {})
    options = ["-Q", QUEUES, "-c", "2", "-n", f"all@{host.name}", "-l", "INFO"]
    worker = host.start(
        "worker", [sys.executable, "-m", "celery", "-A", "mailworker.tasks", "worker", *options], environ
    )
    worker.wait_ready(lambda: "ready" in worker.tail())
    return worker


def send(client: MailClient, kind: str, key: str) -> str:
    """As OmniCRM would: what Redis did not take, or did not say that it took, is sent again with its key."""
    variables = RESET_VARIABLES if kind == RESET else {"first_name": "Ana", "offer": "Fibre 2 Gb/s"}
    deadline = time.monotonic() + 120
    while True:
        try:
            return client.send(kind, f"{key}@example.com", variables, idempotency_key=key)
        except (NotEnqueued, MaybeEnqueued):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_a_host_with_the_primaries_is_lost(net, tmp_path, all_is_well):
    one, two, first, second = (net.host(name) for name in ("one", "two", "first", "second"))
    data = Data(net, first, second, [first, one, two, second])  # one sentinel is lost, too
    with Servers(
        tmp_path, changes=shipped(CALLS_PER_MINUTE), redis_url=data.redis_url, database_url=data.ledger_url,
        simulator=["--index-delay", "1"],
    ) as servers:  # fmt: skip
        net.offer(port_of(servers.simulator_url), one, two)
        scene = Scene(servers, CALLS_PER_MINUTE)
        workers = [worker_on(host, servers) for host in (one, two)]
        beat = [sys.executable, "-m", "celery", "-A", "mailworker.tasks", "beat", "-l", "INFO"]
        one.start("beat", beat, servers.environ)
        safe = MailClient(data.redis_url, kinds=servers.settings.kinds, replicas=1)
        for number in range(200):
            scene.ids.add(send(safe, RESET if number % 10 == 0 else CAMPAIGN, f"before-{number}"))
        safe.close()
        data.lose_the_first()
        lost_at = time.monotonic()
        alone = MailClient(data.redis_url, kinds=servers.settings.kinds)

        def go_on() -> None:
            for number in range(100):
                scene.ids.add(send(alone, RESET, f"after-{number}"))

        caller = threading.Thread(target=go_on)
        caller.start()
        data.promote()
        caller.join(120)
        took = time.monotonic() - lost_at
        assert not caller.is_alive()
        assert all(worker.alive for worker in workers)
        # A lease, at the most.
        balance = all_is_well(scene, "two hosts, the primaries' host lost", seconds=240)
        alone.close()
        assert balance.accepted == 300
        assert not any("time limit" in worker.log.read_text("utf-8") for worker in workers), "nobody hung"
        assert took < 60, "OmniCRM's jobs are taken again within a minute, Sentinel's time-outs included"


def test_workers_with_a_folder_each_are_told_and_no_invoice_leaves_without_its_pdf(net, tmp_path):
    one, two = net.host("one"), net.host("two")
    port = free_port()
    with Servers(tmp_path, redis_port=port) as servers:
        net.offer(port_of(servers.simulator_url), one, two)
        net.offer(port, one, two)
        text = servers.config.read_text("utf-8")
        logs = []
        for host in (one, two):
            file = tmp_path / f"{host.name}.yaml"
            file.write_text(
                text.replace(str(servers.folder / "invoices"), str(tmp_path / f"pdfs-{host.name}"))
            )
            logs.append(worker_on(host, servers, str(file)).log)
        ids = []

        def found_out() -> bool:
            """Each process notes its host's store with its first task, so each host needs something to do."""
            ids.append(servers.client.send_invoice(invoice=INVOICE | {"invoice_number": f"FA-{len(ids)}"}))
            said = one.run(
                sys.executable, "-m", "mailworker", "doctor", "--json", "--only", "store",
                environ=servers.environ | {"CRM_CONFIG": str(tmp_path / "one.yaml")},
            )  # fmt: skip
            told = " ".join(json.loads(said.stdout)["checks"][0]["faults"])
            return told.startswith("These hosts do not share one store of PDFs: one, two.")

        assert wait_until(found_out, seconds=90)
        assert wait_until(
            lambda: any("do not share one store" in log.read_text("utf-8") for log in logs), seconds=90
        )
        mails = servers.mailbox.messages()
        assert [mail for mail in mails if not mail["attachments"]] == [], "none leaves without its PDF"
