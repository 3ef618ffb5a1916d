"""docs/upgrade.md, "Move Redis": a job that waits on the old one is on the new one, and is taken there once."""

import time

import pytest
from redis import Redis

from mailworker.client import MailClient
from mailworker.core.lane import Lane
from mailworker.queue.celery_queues import MAIL
from mailworker.queue.stream import GroupStream
from tests.integration.conftest import ValkeyServer

pytestmark = pytest.mark.integration

PASSWORD = "moved"
VERIFICATION = "api_crmCommunicationEmailVerification"
VARIABLES = {"user_name": "Zoé", "verification_url": "https://crm.example/verify/1"}


def link(redis: Redis) -> str:
    return str(redis.info("replication").get("master_link_status"))


def test_no_job_is_lost_and_none_comes_twice():
    servers = [ValkeyServer(), ValkeyServer()]
    try:
        for server in servers:
            server.start()
        old, new = (Redis.from_url(server.url, decode_responses=True, protocol=2) for server in servers)
        old.config_set("requirepass", PASSWORD)
        with_password = servers[0].url.replace("redis://", f"redis://:{PASSWORD}@")
        client = MailClient(with_password)
        ids = [client.send(VERIFICATION, f"zoe{n}@client.example", VARIABLES) for n in range(3)]
        new.config_set("masterauth", PASSWORD)
        new.replicaof("127.0.0.1", str(servers[0].port))
        deadline = time.monotonic() + 30
        while link(new) != "up":
            assert time.monotonic() < deadline, "it never came up"
            time.sleep(0.05)
        ids.append(client.send(VERIFICATION, "late@client.example", VARIABLES))
        client.close()
        assert Redis.from_url(with_password).wait(1, 5000) == 1
        new.replicaof("NO", "ONE")
        stream = GroupStream(new, MAIL[Lane.URGENT].stream, at_once=10)
        taken = stream.fresh()
        assert len(taken) == len(ids)
        stream.acknowledge(taken)
        assert stream.waiting() == 0
        old.close()
        new.close()
    finally:
        for server in servers:
            server.stop()
