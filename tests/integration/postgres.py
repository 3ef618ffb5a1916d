"""A real PostgreSQL for the tests: a private cluster in a temporary folder, reached by its socket only.

`postgres_url` is one database for the whole run; `fresh_postgres_url` is an empty one for each test.
Where no PostgreSQL is installed, the tests that ask for it are skipped and say so.
"""

import getpass
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

ROLE = "mailworker"
_numbers = itertools.count(1)


def find_binaries() -> Path | None:
    """The folder with `initdb` and `postgres`: the one on the path, else the newest that Debian installed."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(debian, key=lambda folder: float(folder.parent.name), reverse=True)
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


def unprivileged_user() -> str:
    """PostgreSQL refuses to run as root, so root lends it another user."""
    if os.geteuid() != 0:
        return getpass.getuser()
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


class Cluster:
    """One private server; its socket stands in a folder that nobody else may enter.

    Nothing of it outlives the tests, so nothing needs to reach the disk. `keeps_commits` is for those who crash
    it: what was committed is then with the operating system before the answer, as in production, and survives
    the end of the server's processes; only the end of the whole machine would lose it.
    """

    def __init__(self, binaries: Path, *, keeps_commits: bool = False) -> None:
        self.binaries = binaries
        self.keeps_commits = keeps_commits
        self.user = unprivileged_user()
        # Not pytest's own temporary folder: that one is closed to the user that PostgreSQL runs as.
        self.folder = Path(tempfile.mkdtemp(prefix="mailworker-pg-"))
        self.server: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            shutil.chown(self.folder, user=self.user)

    def url(self, database: str = "postgres") -> str:
        """As SQLAlchemy wants it."""
        return f"postgresql+psycopg://{ROLE}@/{database}?host={self.folder}"

    def start(self) -> None:
        """Make the cluster, run it, and wait until it answers."""
        data = self.folder / "data"
        options = ["-U", ROLE, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        self._run([self.binaries / "initdb", "-D", data, *options])
        self.run()

    def run(self) -> None:
        """Run the server on the data that are there, also after a crash, and wait until it answers."""
        commits = "on" if self.keeps_commits else "off"
        settings = [
            "fsync=off",
            "full_page_writes=off",
            f"synchronous_commit={commits}",
            "max_connections=60",
        ]
        switches = [part for setting in settings for part in ("-c", setting)]
        where: list[str | Path] = ["-D", self.folder / "data", "-k", self.folder, "-h", ""]
        with (self.folder / "log").open("ab") as log:
            self.server = subprocess.Popen(
                [self.binaries / "postgres", *where, *switches],
                stdout=log,
                stderr=log,
                cwd="/",
                **self._as_user(),
            )
        self._wait()

    def crash(self) -> None:
        """End all its processes at once, in the middle of whatever they do (`pg_ctl stop -m immediate`)."""
        if self.server is not None:
            self.server.send_signal(signal.SIGQUIT)
            self.server.wait(timeout=20)

    def stop(self) -> None:
        """Stop at once and leave nothing behind."""
        if self.server is not None:
            self.server.terminate()
            try:
                self.server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, statement: str) -> None:
        """Run one statement as the owner, outside a transaction."""
        with psycopg.connect(f"host={self.folder} user={ROLE} dbname=postgres", autocommit=True) as link:
            link.execute(statement.encode())

    def _as_user(self) -> dict[str, Any]:
        return {"user": self.user} if os.geteuid() == 0 else {}

    def _run(self, command: list[str | Path]) -> None:
        done = subprocess.run(
            command, capture_output=True, text=True, cwd="/", check=False, **self._as_user()
        )
        if done.returncode != 0:
            raise RuntimeError(f"initdb failed:\n{done.stdout}\n{done.stderr}")

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                return self.execute("SELECT 1")
            except psycopg.OperationalError:
                if self.server is None or self.server.poll() is not None:
                    break
                time.sleep(0.05)
        raise RuntimeError(f"PostgreSQL did not start:\n{(self.folder / 'log').read_text(encoding='utf-8')}")


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """The running server; tests rather ask for one of the URLs."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed here (no initdb on the path or in /usr/lib/postgresql)")
    cluster = Cluster(binaries)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def postgres_url(postgres_cluster: Cluster) -> str:
    """A SQLAlchemy URL of one database that the whole run shares."""
    postgres_cluster.execute("CREATE DATABASE shared")
    return postgres_cluster.url("shared")


@pytest.fixture
def fresh_postgres_url(postgres_cluster: Cluster) -> Iterator[str]:
    """A SQLAlchemy URL of an empty database for this test alone."""
    name = f"fresh{next(_numbers)}"
    postgres_cluster.execute(f"CREATE DATABASE {name}")
    yield postgres_cluster.url(name)
    postgres_cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")
