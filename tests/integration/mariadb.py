"""A real MariaDB for the tests: a private server in a temporary folder, reached by its socket only.

`fresh_mariadb_url` is an empty database for each test, by an account that may do anything in it.
Where no MariaDB is installed, the tests that ask for it are skipped and say so.
"""

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pymysql
import pytest

from tests.integration.postgres import unprivileged_user

_numbers = itertools.count(1)


def find_program(*names: str) -> str | None:
    """The first of these on the path, or where Debian keeps servers."""
    path = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


class MariaServer:
    """One private server; its socket stands in a folder that nobody else may enter.

    With a `port` it listens on 127.0.0.1, too.
    """

    def __init__(self, server: str, installer: str, *, port: int | None = None) -> None:
        self.programs = server, installer
        self.port = port
        self.user = unprivileged_user()
        self.folder = Path(tempfile.mkdtemp(prefix="mailworker-maria-"))
        self.socket = self.folder / "socket"
        self.process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            shutil.chown(self.folder, user=self.user)

    def url(self, database: str = "") -> str:
        """As SQLAlchemy wants it."""
        return f"mysql+pymysql://root@localhost/{database}?unix_socket={self.socket}"

    def start(self) -> None:
        """Make its tables, start it, and wait until it answers."""
        server, installer = self.programs
        data = f"--datadir={self.folder / 'data'}"
        plain = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
        self._run([installer, "--no-defaults", data, *plain])
        # Nothing here outlives the tests, so nothing needs to reach the disk.
        settings = ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--skip-log-bin"]
        settings += ["--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M"]
        settings += (
            ["--skip-networking"]
            if self.port is None
            else [f"--port={self.port}", "--bind-address=127.0.0.1"]
        )
        command = [server, "--no-defaults", data, f"--socket={self.socket}", *settings]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, **self._as_user()
            )
        self._wait()
        for statement in tables_of("Europe/Paris"):
            self.execute(statement)

    def stop(self) -> None:
        """Stop at once and leave nothing behind."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, statement: str) -> None:
        """Run one statement as root, outside a transaction."""
        link = pymysql.connect(unix_socket=str(self.socket), user="root", autocommit=True)
        with link, link.cursor() as cursor:
            cursor.execute(statement)

    def _as_user(self) -> dict[str, Any]:
        return {"user": self.user} if os.geteuid() == 0 else {}

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=self.folder, check=False, **self._as_user()
        )
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]} failed:\n{done.stdout}\n{done.stderr}")

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        # By a plain socket: PyMySQL leaves its own open where nobody answers.
        while time.monotonic() < deadline and self.process is not None and self.process.poll() is None:
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(self.socket)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"MariaDB did not start:\n{(self.folder / 'log').read_text(encoding='utf-8')}")


def tables_of(name: str) -> Iterator[str]:
    """A time zone as `mysql_tzinfo_to_sql` loads it, which Debian packs with the service; from 2020 to 2037."""
    zone, at = ZoneInfo(name), datetime(2020, 1, 1, tzinfo=UTC)
    kinds: dict[tuple[float, str], int] = {}
    yield "INSERT INTO mysql.time_zone (time_zone_id, use_leap_seconds) VALUES (1, 'N')"
    yield f"INSERT INTO mysql.time_zone_name VALUES ('{name}', 1)"
    before = None
    while at.year < 2038:
        local = at.astimezone(zone)
        kind = ((local.utcoffset() or timedelta()).total_seconds(), str(local.tzname()))
        if kind != before:
            if kind not in kinds:
                kinds[kind] = len(kinds)
                values = f"1, {kinds[kind]}, {kind[0]:.0f}, {int(bool(local.dst()))}, '{kind[1]}'"
                yield f"INSERT INTO mysql.time_zone_transition_type VALUES ({values})"
            yield f"INSERT INTO mysql.time_zone_transition VALUES (1, {at.timestamp():.0f}, {kinds[kind]})"
        before, at = kind, at + timedelta(hours=1)


@contextmanager
def running_mariadb(port: int | None = None) -> Iterator[MariaServer]:
    """A running server; the test is skipped where none is installed."""
    server, installer = find_program("mariadbd", "mysqld"), find_program("mariadb-install-db")
    if server is None or installer is None:
        pytest.skip("MariaDB is not installed here (no mariadbd or mariadb-install-db on the path)")
    maria = MariaServer(server, installer, port=port)
    try:
        maria.start()
        yield maria
    finally:
        maria.stop()


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaServer]:
    """The running server; tests rather ask for a URL."""
    with running_mariadb() as maria:
        yield maria


@pytest.fixture
def fresh_mariadb_url(mariadb_server: MariaServer) -> Iterator[str]:
    """A SQLAlchemy URL of an empty database for this test alone."""
    name = f"fresh{next(_numbers)}"
    # The usual rules of a French or English CRM: names compare without case and accents.
    mariadb_server.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    yield mariadb_server.url(name)
    mariadb_server.execute(f"DROP DATABASE {name}")
