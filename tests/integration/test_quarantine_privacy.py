"""Who is erased is gone from the quarantine, too; nobody else's entry is."""

import json

import pytest

from mailworker.core.clock import utc_now
from mailworker.export_and_erasure import Privacy
from mailworker.ledger import Ledger
from mailworker.queue.quarantine import KEY, QuarantinedEntries
from tests.doubles import FakeFiles

pytestmark = pytest.mark.integration


def test_an_erasure_reaches_the_quarantine(valkey_redis, tmp_path):
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    for to in ("claire@client.example", "Claire@CLIENT.example", "other@client.example"):
        job = json.dumps({"kind": "k", "to": {"email": to}})
        valkey_redis.xadd(KEY, {"stream": "s", "entry": "1-0", "since": "x", "v": "1", "job": job})
    valkey_redis.xadd(KEY, {"stream": "s", "entry": "1-0", "since": "x", "job": "[" * 100_000})
    Privacy(ledger, FakeFiles(), [QuarantinedEntries(valkey_redis)]).erase(
        "claire@client.example", now=utc_now()
    )
    left = [fields["job"][:60] for _, fields in valkey_redis.xrange(KEY)]
    assert [("other" in job, job.startswith("[")) for job in left] == [(True, False), (False, True)]
    ledger.close()
