"""A PostgreSQL with a standby that streams from it; the workers come by a name that the fail-over moves."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import psycopg

from mailworker.cli.local_stack import wait_until
from tests.integration.postgres import ROLE, Cluster

_STANDBY = "standby"


class Standby(Cluster):
    """A copy of another cluster that follows it, until it is promoted."""

    def follow(self, primary: Cluster) -> None:
        """Copy the primary as it is now, and stream from it."""
        data = self.folder / "data"
        source = f"host={primary.folder} user={ROLE} application_name={_STANDBY}"
        self._run(
            [self.binaries / "pg_basebackup", "-D", data, "-d", source, "-R", "-c", "fast", "--no-sync"]
        )
        self.run()

    def stop_following(self) -> None:
        """Get nothing more from now on, as behind a cut cable, and know no better."""
        self.execute("ALTER SYSTEM SET primary_conninfo = ''")
        self.execute("SELECT pg_reload_conf()")
        assert wait_until(lambda: not self._answer("SELECT count(*) FROM pg_stat_wal_receiver"), seconds=20)

    def promote(self) -> None:
        """Take the primary's place, with what is here."""
        self.execute("SELECT pg_promote(true, 30)")
        assert wait_until(lambda: not self._answer("SELECT pg_is_in_recovery()"), seconds=30)

    def _answer(self, query: str) -> object:
        with psycopg.connect(f"host={self.folder} user={ROLE} dbname=postgres", autocommit=True) as link:
            row = link.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


class Pair:
    """The primary and its standby, asynchronous unless `synchronous`."""

    def __init__(self, binaries: Path, *, synchronous: bool = False) -> None:
        self.primary = Cluster(binaries, keeps_commits=True)
        self.standby = Standby(binaries, keeps_commits=True)
        self._synchronous = synchronous
        self._name = Path(tempfile.mkdtemp(prefix="mailworker-pg-name-")) / "now"

    @property
    def url(self) -> str:
        """Where the ledger is, whoever is the primary."""
        return f"postgresql+psycopg://{ROLE}@/house?host={self._name}"

    def __enter__(self) -> Self:
        self._name.parent.chmod(0o755)
        self._point_to(self.primary)
        self.primary.start()
        self.primary.execute("CREATE DATABASE house")
        self.standby.follow(self.primary)
        if self._synchronous:
            self.primary.execute(f"ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 ({_STANDBY})'")
            self.primary.execute("SELECT pg_reload_conf()")
        assert wait_until(self._is_followed, seconds=30)
        return self

    def __exit__(self, *_: object) -> None:
        self.primary.stop()
        self.standby.stop()
        shutil.rmtree(self._name.parent)

    def fail_over(self, *, hesitate: float = 0.0) -> None:
        """The primary is gone at once; the standby takes its place and its name.

        So many seconds it has the name and is still in recovery, and takes no writes.
        """
        self.primary.crash()
        if hesitate:
            self._point_to(self.standby)
            time.sleep(hesitate)
        self.standby.promote()
        self._point_to(self.standby)

    def _is_followed(self) -> bool:
        wanted = "sync" if self._synchronous else "async"
        source = f"host={self.primary.folder} user={ROLE} dbname=postgres"
        with psycopg.connect(source, autocommit=True) as link:
            row = link.execute("SELECT sync_state, state FROM pg_stat_replication").fetchone()
        return row == (wanted, "streaming")

    def _point_to(self, cluster: Cluster) -> None:
        fresh = self._name.with_name("next")
        fresh.symlink_to(cluster.folder)
        fresh.replace(self._name)


class Pooler:
    """pgbouncer in transaction mode, in front of a cluster's socket."""

    def __init__(self, binary: str, cluster: Cluster) -> None:
        self._cluster = cluster
        self.folder = Path(tempfile.mkdtemp(prefix="mailworker-pool-"))
        self._binary = binary
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The database `house` through the pooler."""
        return f"postgresql+psycopg://{ROLE}@/house?host={self.folder}&port=6432"

    def __enter__(self) -> Self:
        users, config = self.folder / "users", self.folder / "pgbouncer.ini"
        users.write_text(f'"{ROLE}" ""\n', encoding="utf-8")
        config.write_text(
            f"[databases]\nhouse = host={self._cluster.folder} dbname=house\n"
            f"[pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = {self.folder}\n"
            f"auth_type = trust\nauth_file = {users}\npool_mode = transaction\ndefault_pool_size = 10\n"
            f"logfile = {self.folder / 'log'}\npidfile = {self.folder / 'pid'}\n",
            encoding="utf-8",
        )
        if os.geteuid() == 0:
            for one in (self.folder, users, config):
                shutil.chown(one, user=self._cluster.user)
            self.folder.chmod(0o755)
        user = {"user": self._cluster.user} if os.geteuid() == 0 else {}
        self._process = subprocess.Popen(
            [self._binary, str(config)], cwd="/", stderr=subprocess.DEVNULL, **user
        )
        assert wait_until(self._answers, seconds=20), (self.folder / "log").read_text(encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            with psycopg.connect(f"host={self.folder} port=6432 user={ROLE} dbname=house") as link:
                link.execute("SELECT 1")
        except psycopg.OperationalError:
            time.sleep(0.05)
            return False
        return True
