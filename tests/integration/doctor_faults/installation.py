"""An installation that is well: a real Redis, ledger, store, CRM and local Mailjet, and the real command."""

import contextlib
import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis import Redis
from sqlalchemy import insert
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.cli.doctor_checks import workers
from mailworker.cli.local_stack.trial_config import trial_config, web_for_trial
from mailworker.core.clock import utc_now
from mailworker.ledger import Ledger
from mailworker.ledger.tables import messages
from mailworker.queue import envelope
from mailworker.simulator import RunningSimulator
from tests.rows import row

ALL_QUEUES = [{"name": queue} for process in workers.PRODUCTION_WORKERS for queue in process.queues]
_ASK = workers.ask_workers
_SAFE = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "maxmemory": "0"}


class Installation:
    """Bring a fault about with its attributes, then ask its doctor."""

    def __init__(
        self,
        folder: Path,
        redis_url: str,
        simulator: RunningSimulator,
        monkeypatch: pytest.MonkeyPatch,
        request: pytest.FixtureRequest,
    ) -> None:
        self.folder, self.simulator, self.monkeypatch, self.request = folder, simulator, monkeypatch, request
        self.redis: Redis = Redis.from_url(redis_url, decode_responses=True, protocol=2)
        self.file = folder / "crm_config.yaml"
        self.ledger_url = f"sqlite:///{folder}/ledger.db"
        self.closing = contextlib.ExitStack()
        own = {
            "mailjet": {"api_url": simulator.url, "calls_per_minute": 12_000},
            "worker": {"redis_url": redis_url, "database_url": self.ledger_url},
            "invoice": {"store": str(folder / "pdfs")},
            "crm": {"demo": {"path": str(folder / "crm.sqlite"), "customers": 5}},
            "web": web_for_trial(8070),
        }
        self.sections: dict[str, dict[str, Any]] = yaml.safe_load(trial_config(own))
        monkeypatch.setenv("CRM_CONFIG", str(self.file))
        monkeypatch.delenv("REDIS_URL", raising=False)
        monkeypatch.delenv("DATABASE_URL", raising=False)
        self.let_workers_listen_to(ALL_QUEUES)
        self.configure()

    def make_well(self) -> None:
        """Redis as production wants it, and one beat that beats."""
        self.redis.flushall()
        for name, value in _SAFE.items():
            self.redis.config_set(name, value)
        now = utc_now()
        self.redis.set(envelope.BEAT_KEY, now.isoformat())
        self.redis.zadd(envelope.BEATS_KEY, {"1@here": now.timestamp()})

    def configure(self, **sections: dict[str, Any]) -> None:
        """Write the configuration with these sections changed; a value of None takes a key out."""
        wanted = copy.deepcopy(self.sections)
        for name, changes in sections.items():
            merged = wanted.get(name, {}) | changes
            wanted[name] = {key: value for key, value in merged.items() if value is not None}
        self.file.touch(mode=0o600)
        self.file.write_text(yaml.safe_dump(wanted, allow_unicode=True, sort_keys=False), encoding="utf-8")

    def let_workers_listen_to(self, queues: list[dict[str, str]] | None) -> None:
        """Workers that answer for these queues, in the place of real ones; None: real ones are asked."""
        if queues is None:
            self.monkeypatch.setattr(workers, "ask_workers", _ASK)
            return
        reports = {"w@here": queues} if queues else {}
        self.monkeypatch.setattr(workers, "ask_workers", lambda _url, _patience: (reports, {}))

    def ledger(self) -> Ledger:
        return self.closing.enter_context(contextlib.closing(Ledger.open(self.ledger_url)))

    def add_messages(self, count: int, **changes: Any) -> None:
        now = utc_now()
        times = {"accepted_at": now, "changed_at": now, "not_before": now}
        with self.ledger().write() as connection:
            connection.execute(insert(messages), [row(**times | changes) for _ in range(count)])

    def doctor(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """The exit code and the document of `mailworker doctor --json`, in this process."""
        done = CliRunner().invoke(build("doctor"), ["doctor", "--json", *arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
        return done.exit_code, json.loads(done.output)

    def doctor_process(self, *arguments: str, **environ: str) -> tuple[int, dict[str, Any]]:
        """The same in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "mailworker", "doctor", "--json", *arguments],
            capture_output=True, text=True, check=False, timeout=120, env={**os.environ, **environ},
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, json.loads(done.stdout)

    def close(self) -> None:
        self.closing.close()
        self.redis.replicaof("NO", "ONE")
        self.redis.config_set("requirepass", "")
        for name, value in (_SAFE | {"appendonly": "no"}).items():
            self.redis.config_set(name, value)
        self.redis.close()
