"""What one webhook call or one job may cost a worker in memory, measured in a process of its own."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration

#: Reads one stream entry of this kind, and prints how many bytes more than before it took at the most.
PROBE = """
import json, os, sys
from pathlib import Path
from redis import Redis
from mailworker.config.builtin_kinds import KINDS
from mailworker.core.clock import utc_now
from mailworker.core.lane import Lane
from mailworker.deliveries import Deliveries, EventStream
from mailworker.intake import Intake, JobStream
from mailworker.invoices.file_store import FolderStore
from mailworker.ledger import Ledger

def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024

what, url, folder = sys.argv[1:]
redis = Redis.from_url(url, decode_responses=True, encoding_errors="surrogateescape", protocol=2)
ledger = Ledger.open(f"sqlite:///{folder}/ledger.db")
if what == "events":
    stream = EventStream(redis, ledger, Deliveries(ledger, KINDS))
else:
    stream = JobStream(redis, Lane.NORMAL, Intake(ledger, KINDS, FolderStore(Path(folder) / "files"), language="fr"))
before = peak()
while (done := stream.drain_some(utc_now())) is not None:
    pass
print(peak() - before)
"""
MB = 1_000_000
BODY = 4 * 1024 * 1024
BODIES = {
    "zeros": "[" + "0," * (BODY // 2 - 2) + "0]",
    "lists": "[" + "[]," * (BODY // 3 - 2) + "[]]",
    "objects": "[" + '{"":0},' * (BODY // 7 - 2) + "{}]",
    "one object": "{" + ",".join(f'"{n}":[]' for n in range(BODY // 12)) + "}",
    "one text": json.dumps("x" * (BODY - 2)),
    "events": json.dumps([{"event": "open", "time": 1_790_000_000 + n, "CustomID": f"m{n}", "email": "a@b.fr"} for n in range(BODY // 90)]),
    "open brackets": "[" * BODY,
}  # fmt: skip


def measured(what, valkey, folder):
    command = [sys.executable, "-c", PROBE, what, valkey.url, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.parametrize("name", BODIES)
def test_a_webhook_call_of_4_mb(name, valkey, valkey_redis, tmp_path):
    for _ in range(2):
        valkey_redis.xadd(
            "mailworker:events", {"v": "1", "at": "2026-11-30T09:00:00+00:00", "body": BODIES[name]}
        )
    assert measured("events", valkey, tmp_path) < 130 * MB
    assert valkey_redis.xlen("mailworker:events") == 0


def test_jobs_with_files(valkey, valkey_redis, tmp_path):
    file = {"filename": "a.pdf", "content_type": "application/pdf", "content": "AAAA" * 3_500_000}
    variables = {"user_name": "Ana", "verification_url": "https://h.example/1"}
    for number in range(4):
        job = {
            "kind": "api_crmCommunicationEmailVerification",
            "to": f"a{number}@b.fr",
            "variables": variables,
            "attachments": [file],
        }
        entry = {"v": "1", "at": "2026-11-30T09:00:00+00:00", "job": json.dumps(job), "id": f"m{number}"}
        valkey_redis.xadd("mailworker:jobs:normal", entry)
    assert measured("jobs", valkey, tmp_path) < 110 * MB
    assert valkey_redis.xlen("mailworker:jobs:normal") == 0
