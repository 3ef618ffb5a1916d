"""Four hosts: two with data (Redis, PostgreSQL, each with its copy on the other), two with workers."""

import os
import pwd
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from mailworker.cli.local_stack import Servers, wait_until
from mailworker.cli.local_stack.child_process import Child
from mailworker.cli.local_stack.redis_server import redis_command
from mailworker.client import MailClient, MaybeEnqueued, NotEnqueued
from tests.faults.network import Host, Network
from tests.faults.scene import CALLS_PER_MINUTE, RESET, RESET_VARIABLES, Scene, shipped
from tests.integration.postgres import ROLE, find_binaries, unprivileged_user

QUEUES = "mail.urgent,mail.normal,mail.bulk,celery,render,scans,contacts"
REDIS, SENTINEL, POSTGRES = 6379, 26379, 5432


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
                "sentinel down-after-milliseconds mail 2000\nsentinel failover-timeout mail 6000\n",
                encoding="utf-8",
            )
            host.start("sentinel", [binary, str(file), "--sentinel"])

    def _start_postgres(self) -> None:
        main, copy = (self.net.folder / f"pg-{host.name}" for host in (self.first, self.second))
        for folder in (main, copy):
            folder.mkdir(mode=0o700)
            os.chown(folder, *_user())
        self.as_postgres(
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
        self.primary = self.postgres(self.first, str(main))
        self.primary.wait_ready(lambda: self.psql(self.first, "SELECT 1") == "1")
        self.as_postgres(
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
        self.standby = self.postgres(self.second, str(copy))
        self.standby.wait_ready(lambda: self.psql(self.second, "SELECT 1") == "1")
        self.psql(self.first, "ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (walreceiver)'")
        self.psql(self.first, "SELECT pg_reload_conf()")
        synchronous = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        assert wait_until(lambda: self.psql(self.first, synchronous) == "1", seconds=30)

    def postgres(self, host: Host, data: str) -> Child:
        settings = ["-c", "fsync=off", "-c", "listen_addresses=*", "-c", "unix_socket_directories="]
        words = ["setpriv", f"--reuid={_user()[0]}", f"--regid={_user()[1]}", "--clear-groups"]
        return host.start("postgres", [*words, str(self.binaries / "postgres"), "-D", data, *settings])

    def as_postgres(self, host: Host, program: str, *words: str) -> None:
        user = ["setpriv", f"--reuid={_user()[0]}", f"--regid={_user()[1]}", "--clear-groups"]
        done = host.run(*user, str(self.binaries / program), *words)
        assert done.returncode == 0, done.stderr

    def psql(self, host: Host, statement: str) -> str:
        words = ["psql", "-h", host.address, "-U", ROLE, "-d", "postgres", "-Atc", statement]
        return host.run(str(self.binaries / words[0]), *words[1:]).stdout.strip()

    def lose_the_first(self) -> None:
        """Its cable is pulled: what ran there goes on, and reaches nobody."""
        self.first.pull_the_cable()

    def promote(self) -> None:
        """What an operator, or Patroni in their place, does: the standby becomes the primary."""
        self.psql(self.second, "ALTER SYSTEM RESET synchronous_standby_names")
        assert self.psql(self.second, "SELECT pg_promote(true, 30)") == "t"
        assert self.psql(self.second, "SELECT pg_reload_conf()") == "t"


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


@dataclass(frozen=True)
class Site:
    """What runs on the four hosts; beat runs beside the first worker."""

    scene: Scene
    data: Data
    workers: list[Child]

    @property
    def servers(self) -> Servers:
        return self.scene.servers


@contextmanager
def four_hosts(net: Network, tmp_path: Path) -> Iterator[Site]:
    """Workers and beat at work, all on the simulator of this machine; each host has a sentinel."""
    one, two, first, second = (net.host(name) for name in ("one", "two", "first", "second"))
    data = Data(net, first, second, [first, one, two, second])
    with Servers(
        tmp_path, changes=shipped(CALLS_PER_MINUTE), redis_url=data.redis_url, database_url=data.ledger_url,
        simulator=["--index-delay", "1"],
    ) as servers:  # fmt: skip
        net.offer(port_of(servers.simulator_url), one, two)
        scene = Scene(servers, CALLS_PER_MINUTE)
        workers = [worker_on(host, servers) for host in (one, two)]
        beat = [sys.executable, "-m", "celery", "-A", "mailworker.tasks", "beat", "-l", "INFO"]
        one.start("beat", beat, servers.environ)
        yield Site(scene, data, workers)
