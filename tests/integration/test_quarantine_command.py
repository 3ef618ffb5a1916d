"""`mailworker quarantine` over a real Redis."""

import pytest

from mailworker.queue.quarantine import put_away
from tests.rows import NOW

pytestmark = pytest.mark.integration


def test_list_release_and_delete(run, valkey, valkey_redis, monkeypatch):
    monkeypatch.setenv("REDIS_URL", valkey.url)
    assert "Nothing is in quarantine." in run("quarantine", "list")
    for name in ("one", "two"):
        entry = valkey_redis.xadd("mailworker:jobs:normal", {"v": "1", "name": name})
        put_away(valkey_redis, "mailworker:jobs:normal", "workers", entry, NOW)
    ids = [id_ for id_, _ in valkey_redis.xrange("mailworker:quarantine")]
    listed = run("quarantine", "list")
    assert all(id_ in listed for id_ in ids)
    assert "one" not in listed
    assert "Released" in run("quarantine", "release", ids[0])
    assert [fields["name"] for _, fields in valkey_redis.xrange("mailworker:jobs:normal")] == ["one"]
    assert "Deleted" in run("quarantine", "delete", ids[1], "--yes")
    assert valkey_redis.xlen("mailworker:quarantine") == 0
