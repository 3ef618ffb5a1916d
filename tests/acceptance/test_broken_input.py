"""Every door, with broken input: the innocent mails leave, nothing waits, and no value stands anywhere."""

import json

import pytest
from redis import Redis

from mailworker.cli.local_stack import wait_until
from mailworker.core.clock import utc_now
from mailworker.queue.celery_queues import CONTACTS, MAIL, STREAMS
from tests.acceptance.conftest import RESET, VERIFICATION, RunningStack, answer, verification

pytestmark = pytest.mark.acceptance

CANARY = "Canary"  # part of every value below
PERSON = {"email": "canary@client.example", "name": "Marie CanaryName"}
LINK = "https://h.example/pay/CanaryToken"
INVOICE = "api_crmCommunicationCustomerInvoice"


def invoice(**changes):
    return {
        "invoice_number": "CanaryNumber",
        "client": PERSON,
        "iban": "CanaryIban",
        "pay_url": LINK,
    } | changes


def deep(levels=900):
    return json.loads('{"a":' * levels + "1" + "}" * levels)


#: What strangers give by name and keyword arguments.
BROKEN = [
    ("send_invoice", {"invoice": invoice(total_amount=float("nan"))}),
    ("send_invoice", {"invoice": invoice(note="\ud83d CanaryNote")}),
    ("send_invoice", {"invoice": deep() | invoice()}),
    ("send_invoice", {"invoice": [LINK, "CanaryList"]}),
    ("send_email", {"kind": RESET, "to": [[[PERSON]]], "variables": {"user_name": "CanaryUser", "reset_url": LINK, "expiry_time": "1"}}),
    ("send_email", {"kind": {"CanaryKind": 1}, "to": PERSON, "variables": {}}),
    ("send_email", {"kind": RESET, "to": PERSON, "variables": {"CanaryVariable x": "CanaryValue"}}),
    ("send_email", {"kind": RESET, "CanaryArgument": LINK}),
    ("send_emails", {"messages": 7}),
    ("send_emails", {"messages": [7, "CanaryText", {"kind": INVOICE, "invoice": invoice(x="\0Canary")}]}),
    ("sync_contact", {"contact": {"email": "canary@client.example", "custom_fields": {"shoe_size": "\ud83d Canary"}}}),
    ("sync_customer", {"customer": {"customer_id": "CanaryId", "contacts": deep()}}),
    ("delete_contact", {"email": ["CanaryMail"]}),
    ("record_events", {"events": [{"event": deep(), "time": "CanaryTime"}]}),
    ("scan_overdue_invoices", {"as_of": "9999-12-31T23:59:59-12:00"}),
    ("campaign_create", {"campaign": {"name": "CanaryCampaign", "values": [deep()]}}),
    ("no_such_task", {"to": PERSON, "variables": {"link": LINK}}),
]  # fmt: skip
#: These answer nobody.
SILENT = ("scan_overdue_invoices", "no_such_task")


def entry(job):
    return {"v": "1", "at": utc_now().isoformat(), "job": json.dumps(job)}


def stream_entries():
    """What a broken or foreign writer may put onto a stream."""
    yield entry({"kind": INVOICE, "variables": {}, "invoice": invoice(total_amount=float("nan"))})
    yield entry({"kind": INVOICE, "variables": {}, "invoice": invoice(note="\ud83d")})
    yield entry(
        {
            "kind": RESET,
            "to": PERSON,
            "attachments": [{"filename": "CanaryFile\0", "content_type": "a/b", "content": "x"}],
        }
    )
    yield entry({"kind": INVOICE, "invoice": invoice() | deep()})
    yield entry(["CanaryList"])
    yield {"v": "1", "at": "CanaryMoment", "job": "{}"}
    yield {"CanaryField": "CanaryValue"}
    yield {b"v": b"1", b"at": utc_now().isoformat().encode(), b"job": b'{"Canary": "\xff\xfe"}'}


@pytest.fixture
def redis(container: RunningStack):
    client = Redis.from_url(container.servers.redis_url)
    yield client
    client.close()


def test_the_innocent_leave_and_no_value_is_seen(container: RunningStack, stranger, redis):
    asked = [
        stranger.send_task(
            f"mailworker.{name}", kwargs=kwargs, queue="contacts" if "sync" in name else "mail.normal"
        )
        for name, kwargs in BROKEN
        if name not in SILENT
    ]
    for name in SILENT:
        stranger.send_task(f"mailworker.{name}", kwargs=dict(BROKEN)[name], queue="mail.normal")
    innocent = [
        container.servers.client.send(VERIFICATION, f"inno{n}@client.example", verification())
        for n in range(5)
    ]
    for fields in stream_entries():
        redis.xadd(MAIL[container.servers.client._kinds[VERIFICATION].lane].stream, fields)
        redis.xadd(CONTACTS.stream, fields)
        redis.xadd("mailworker:events", fields)
    innocent += [
        container.servers.client.send(VERIFICATION, f"also{n}@client.example", verification())
        for n in range(5)
    ]
    assert container.final(*innocent) == ["sent"] * 10
    told = [answer(one, propagate=False) for one in asked]
    assert len(told) == len(asked)
    streams = [channel.stream for channel in STREAMS.values()]
    assert wait_until(lambda: not any(redis.xlen(name) for name in streams), seconds=40), "nothing waits"
    assert redis.xlen("mailworker:quarantine") == 0
    for log in (container.servers.folder / "logs").glob("*.log"):
        text = log.read_text("utf-8")
        assert CANARY.lower() not in text.lower(), next(
            line for line in text.splitlines() if CANARY.lower() in line.lower()
        )
    results = [redis.get(key) for key in redis.scan_iter("celery-task-meta-*")]
    assert not any(CANARY.lower() in (result or b"").decode("utf-8", "replace").lower() for result in results)
    assert CANARY.lower() not in repr(told).lower()
