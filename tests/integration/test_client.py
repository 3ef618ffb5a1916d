"""The client and the stream on a real server: from `send` into the ledger."""

import pytest

from mailworker.client import MailClient
from mailworker.config.builtin_kinds import KINDS
from mailworker.core.clock import utc_now
from mailworker.core.lane import Lane
from mailworker.core.states import State
from mailworker.intake import Intake, JobStream
from mailworker.ledger import Ledger
from mailworker.ledger.message_counts import tally
from mailworker.queue.celery_queues import MAIL
from tests.doubles import FakeFiles

pytestmark = pytest.mark.integration

RESET = "api_crmCommunicationUserPasswordReset"
VARIABLES = {"user_name": "Zoé", "reset_url": "https://crm.example/r/hush", "expiry_time": "10:00"}


@pytest.fixture
def client(valkey):
    made = MailClient(valkey.url)
    yield made
    made.close()


def test_from_the_client_into_the_ledger(client, valkey_redis, sqlite_url):
    ledger = Ledger.open(sqlite_url)
    stream = JobStream(valkey_redis, Lane.URGENT, Intake(ledger, KINDS, FakeFiles(), language="fr"))
    one = client.send(RESET, "zoe@client.example", VARIABLES, idempotency_key="k")
    assert one == client.send(RESET, "zoe@client.example", VARIABLES, idempotency_key="k")
    done = client.send_many(
        {"kind": RESET, "to": f"z{n}@client.example", "variables": VARIABLES} for n in range(300)
    )
    assert len(set(done.ids)) == 300
    while stream.drain_some(utc_now()) is not None:
        pass
    with ledger.read() as connection:
        assert tally(connection).by_state == {State.READY: 301}
    assert stream.waiting() == 0
    ledger.close()


def test_the_ticket_carries_nothing_personal(client, valkey_redis):
    client.send(RESET, "zoe@client.example", VARIABLES)
    (ticket,) = valkey_redis.lrange(MAIL[Lane.URGENT].queue, 0, -1)
    assert MAIL[Lane.URGENT].task in ticket
    assert "zoe" not in ticket
    assert "hush" not in ticket


def test_a_restart_of_redis_between_two_mails_is_not_noticed(client, valkey_redis):
    client.send(RESET, "zoe@client.example", VARIABLES)
    valkey_redis.client_kill_filter(_type="normal", skipme=True)
    assert client.send(RESET, "zoe@client.example", VARIABLES)
    assert valkey_redis.xlen(MAIL[Lane.URGENT].stream) == 2
