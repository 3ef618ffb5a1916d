"""A change as a Celery task of OmniCRM's: on its queue, by a real Redis protocol, with the change's own id."""

import json
import socket

import pytest

from mailworker.errors import Unreachable
from mailworker.tasks import callbacks as module

pytestmark = pytest.mark.integration


@pytest.fixture
def broker(valkey, valkey_redis, monkeypatch):
    monkeypatch.setattr(module.app.conf, "broker_url", valkey.url)
    module._publisher.cache_clear()
    yield valkey_redis
    module._publisher.cache_clear()


def test_the_task_lies_on_omnicrms_queue(broker):
    module._send_task("omnicrm.mail_changed", {"event": {"type": "mail.sent"}}, "mailworker-7", "omnicrm")
    (raw,) = broker.lrange("omnicrm", 0, -1)
    message = json.loads(raw)
    assert (message["headers"]["task"], message["headers"]["id"]) == ("omnicrm.mail_changed", "mailworker-7")


def test_a_redis_that_is_away_is_for_later(monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(module.app.conf, "broker_url", f"redis://127.0.0.1:{port}/0")
    module._publisher.cache_clear()
    with pytest.raises(Unreachable):
        module._send_task("omnicrm.mail_changed", {}, "mailworker-7", "omnicrm")
    module._publisher.cache_clear()
