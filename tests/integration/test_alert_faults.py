"""Faults really brought about in an installation that was well: their alerts fire, by what /metrics then says.

The figures are the web process's own, before and after; promtool lets the time pass: ten minutes well, then ninety with the fault,
in which counters go on as they began.
"""

import contextlib
import json
import os
import shutil
import subprocess
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, text, update

from mailworker.cli.local_stack.trial_config import trial_config
from mailworker.client import MailClient
from mailworker.config.settings import parse_settings
from mailworker.container import Container
from mailworker.core.clock import utc_now
from mailworker.ledger import campaign_rows
from mailworker.ledger.contact_tables import mailjet_contacts
from mailworker.ledger.holds import hold, hold_by_hand
from mailworker.ledger.mailjet_contact_rows import add_entries, new_entry
from mailworker.ledger.scan_tables import scan_runs
from mailworker.ledger.tables import messages
from mailworker.queue import envelope, wake
from mailworker.queue.quarantine import KEY as QUARANTINE
from mailworker.scan_registry import scans_of, start_scan
from mailworker.simulator import running
from mailworker.tasks import base, dispatch, emails, events, invoices
from mailworker.tasks.app import app
from tests.integration.web_server import serving
from tests.rows import URGENT, row
from tests.unit.test_deliveries import HARD, event

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        shutil.which("promtool") is None, reason="no promtool here: apt-get install prometheus"
    ),
]
RULES = {
    rule["alert"]: rule
    for group in yaml.safe_load(
        (Path(__file__).parents[2] / "deploy/prometheus/mailworker.rules.yml").read_text("utf-8")
    )["groups"]
    for rule in group["rules"]
}
FACTURE = Path(__file__).parents[2] / "examples/invoices/facture.json"
INVOICE = "api_crmCommunicationCustomerInvoice"
#: Minutes before the fault, with it, and when it is looked at.
WELL, ILL, LOOK = 10, 90, 95


class Installation:
    """A web process's container before a real Redis, ledger and local Mailjet, which does a worker's tasks, too."""

    def __init__(self, folder, valkey, simulator, monkeypatch):
        self.valkey, self.folder, self.simulator, self.monkeypatch = valkey, folder, simulator, monkeypatch
        self.ledger_url = f"sqlite:///{folder}/ledger.db"
        self.container = self.open(valkey.url, self.ledger_url)
        self.container.redis.flushall()
        monkeypatch.setitem(base._containers, os.getpid(), self.container)
        monkeypatch.setitem(base._watches, os.getpid(), SimpleNamespace(look=lambda _container: None))
        monkeypatch.setattr(wake, "send_wake_up", lambda *_, **__: "")
        monkeypatch.setattr(app, "send_task", lambda *_, **__: None)
        monkeypatch.setitem(app.conf, "worker_send_task_events", False)
        self.beat("1@here")

    def open(self, redis_url, database_url):
        own = {
            "mailjet": {"api_url": self.simulator.url, "calls_per_minute": 12_000},
            "worker": {"redis_url": redis_url, "database_url": database_url},
            "invoice": {"store": str(self.folder / "pdfs")},
            "web": {"webhook_user": "m", "webhook_password": "m"},
        }
        return Container(parse_settings(trial_config(own), environ={}))

    def beat(self, *names):
        now = utc_now()
        self.container.redis.set(envelope.BEAT_KEY, now.isoformat())
        self.container.redis.zadd(envelope.BEATS_KEY, dict.fromkeys(names, now.timestamp()))

    def add(self, count=1, *, minutes=0, **changes):
        """Messages that have stood so long as they are."""
        then = utc_now() - timedelta(minutes=minutes)
        times = {"accepted_at": then, "changed_at": then, "not_before": then}
        rows = [row(**times | changes) for _ in range(count)]
        with self.container.ledger.write() as connection:
            connection.execute(insert(messages), rows)
        return [one["id"] for one in rows]

    def metrics(self):
        """The series of /metrics with their values."""
        with serving(self.container) as url:
            answer = requests.get(f"{url}/metrics", timeout=20)
        assert answer.status_code == 200
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }


@pytest.fixture(scope="module")
def simulator():
    with running(calls_per_minute=0) as made:
        yield made


@pytest.fixture
def site(tmp_path, valkey, valkey_redis, simulator, monkeypatch):
    simulator.reset()
    simulator.behave()
    made = Installation(tmp_path, valkey, simulator, monkeypatch)
    yield made
    valkey_redis.config_set("maxmemory", 0)
    made.container.close()


def redis_is_down(site):
    site.container = site.open("redis://127.0.0.1:1/0", site.ledger_url)


def ledger_is_down(site):
    site.container = site.open(site.valkey.url, "postgresql://u:p@127.0.0.1:1/x")


def ledger_takes_no_writes(site):
    (site.folder / "ledger.db.lock").unlink(missing_ok=True)
    (site.folder / "ledger.db.lock").mkdir()  # who queues to write cannot


def held(site):
    with site.container.ledger.write() as connection:
        hold(connection, "*", reason="Mailjet refuses the key", code="401", now=utc_now())


def held_by_hand(site, days=0):
    with site.container.ledger.write() as connection:
        hold_by_hand(connection, "*", reason="maintenance", now=utc_now() - timedelta(days=days))


def a_campaign_that_stopped(site):
    texts = {"id": "c1", "name": "autumn", "way": "workers", "segment": "", "contact_type": "billing"}
    more = {"content": {}, "state": "paused", "written": 0, "left_out": 0, "note": "the kind has no way out"}
    with site.container.ledger.write() as connection:
        campaign_rows.add(connection, texts | more | {"created_at": utc_now(), "changed_at": utc_now()})


def an_invoice_that_waits(site):
    site.add(minutes=20, kind=INVOICE, state="accepted", invoice={"invoice_number": "1"})


def jobs_on_the_stream(site):
    with contextlib.closing(MailClient(site.valkey.url)) as client:
        client.send(URGENT, "a@client.example", {"user_name": "A", "reset_url": "https://e.example/r", "expiry_time": "1 h"})  # fmt: skip
    redis, lane = site.container.redis, "mailworker:jobs:urgent"
    ((_, entry),) = redis.xrange(lane)
    redis.delete(lane)
    redis.xadd(lane, entry, id=f"{int((time.time() - 300) * 1000)}-1")  # as if it had come five minutes ago


def no_beat(site):
    site.container.redis.delete(envelope.BEAT_KEY, envelope.BEATS_KEY)


def calls_end_without_an_answer(site):
    site.simulator.misbehave("error_500_before")
    for _ in range(3):
        site.add(5)
        dispatch.dispatch("normal")


def mailjet_is_out_of_order(site):
    for _ in range(10):
        calls_end_without_an_answer(site)


def invoices_that_cannot_be_rendered(site):
    bad = {"invoice_number": "F-1", "client": {"name": "Zoé", "email": "zoe@client.example"}}
    site.add(12, kind=INVOICE, state="accepted", invoice=bad, variables={})
    invoices.render()


def messages_that_mailjet_refuses(site):
    site.simulator.misbehave("partial_failure")
    site.add(24)
    dispatch.dispatch("normal")


def refused_job(site):
    entry = envelope.seal({"id": "x", "kind": "nonsense", "to": "nobody", "variables": {}}, utc_now())
    site.container.redis.xadd("mailworker:jobs:normal", entry)
    emails.drain("normal")


def quarantine(site):
    site.container.redis.xadd(QUARANTINE, {"from": "mailworker:jobs:normal"})


def bounces(site):
    ids = site.add(10, state="sent")
    now = int(time.time())
    sent = [event("sent", one) | {"time": now, "email": f"{one}@client.example"} for one in ids]
    bounced = event("bounce", ids[0], **HARD) | {"time": now, "email": f"{ids[0]}@client.example"}
    events.record_events([*sent, bounced])


def tried_again(site):
    """The folder of PDFs is a file: every try puts the invoice off."""
    (site.folder / "pdfs").write_text("no folder", encoding="utf-8")
    facture = json.loads(FACTURE.read_text("utf-8"))
    site.add(kind=INVOICE, state="accepted", invoice=facture, variables={})
    for _ in range(3):
        with site.container.ledger.write() as connection:
            connection.execute(update(messages).values(not_before=utc_now()))
        invoices.render()


def a_scan_that_did_not_run(site):
    """It was armed and ran two days ago; nobody has started it since."""
    (scan, _) = scans_of(site.container)
    then = utc_now() - timedelta(days=2)
    start_scan(site.container, scan, start_from=None, now=then)
    run = {column.name: None for column in scan_runs.columns if column.name != "id"}
    run |= {"scan": scan.name, "slot": then, "started_at": then, "finished_at": then, "mode": "real"}
    run |= {"seen": 0, "found": 0, "written": 0, "skipped": {}, "faults": []}
    with site.container.ledger.write() as connection:
        connection.execute(insert(scan_runs).values(run))


def redis_is_almost_full(site):
    used = site.container.redis.info("memory")["used_memory"]
    site.container.redis.config_set("maxmemory", int(used * 1.05))


def late_events(site):
    (one,) = site.add(state="sent")
    events.record_events([event("sent", one) | {"time": int(time.time()) - 3000, "email": f"{one}@client.example"}])  # fmt: skip


def contact_that_waits(site):
    then = utc_now() - timedelta(hours=1)
    entry = new_entry(
        email="a@client.example", name="A", properties={}, lists=[], excluded=None, barred=None,
        fingerprint="f", task="tell", audience="", due_at=then, changed_at=then,
    )  # fmt: skip
    with site.container.ledger.write() as connection:
        columns = {column.name for column in mailjet_contacts.columns}
        add_entries(connection, [dict.fromkeys(columns) | entry])


def a_slow_call(site):
    """Ten seconds and a half pass on the clock by which a call is measured."""
    dispatcher = site.container.dispatcher
    clock, make = dispatcher._clock, dispatcher._calls.make

    def slow(departure):
        site.monkeypatch.setattr(dispatcher, "_clock", lambda: clock() + timedelta(seconds=10.5))
        return make(departure)

    site.monkeypatch.setattr(dispatcher._calls, "make", slow)
    site.add()
    dispatch.dispatch("normal")


def a_state_that_nobody_knows(site):
    (one,) = site.add(state="sent")
    with site.container.ledger.write() as connection:
        connection.execute(text("UPDATE messages SET state = 'lost' WHERE id = :id"), {"id": one})


def guesses(site):
    with serving(site.container) as url:
        for _ in range(12):
            answer = requests.post(f"{url}/mailjet/events", auth=("m", "x"), json=[], timeout=10)
            assert answer.status_code == 401


FAULTS = {
    "MailworkerRedisDown": redis_is_down,
    "MailworkerLedgerDown": ledger_is_down,
    "MailworkerHeld": held,
    "MailworkerHeldByHand": held_by_hand,
    "MailworkerForgottenHold": lambda site: held_by_hand(site, days=2),
    "MailworkerLedgerDown, read-only": ledger_takes_no_writes,
    "MailworkerUrgentMailWaits": lambda site: site.add(minutes=5, lane=0, kind=URGENT),
    "MailworkerMailWaits": lambda site: site.add(minutes=20),
    "MailworkerJobsWaitOnRedis": jobs_on_the_stream,
    "MailworkerNoBeat": no_beat,
    "MailworkerTwoBeats": lambda site: site.beat("7@there"),
    "MailworkerCallsFail": calls_end_without_an_answer,
    "MailworkerMailjetOutOfOrder": mailjet_is_out_of_order,
    "MailworkerInvoicesWait": an_invoice_that_waits,
    "MailworkerUnknownOutcomes": lambda site: site.add(minutes=120, state="unknown", called_at=utc_now() - timedelta(hours=2)),
    "MailworkerFailures": invoices_that_cannot_be_rendered,
    "MailworkerPreparingFails": invoices_that_cannot_be_rendered,
    "MailworkerFailures, in calls": messages_that_mailjet_refuses,
    "MailworkerRejectedJobs": refused_job,
    "MailworkerQuarantine": quarantine,
    "MailworkerTriedAgain": tried_again,
    "MailworkerCampaignStopped": a_campaign_that_stopped,
    "MailworkerScanLate": a_scan_that_did_not_run,
    "MailworkerNoEvents": lambda site: site.add(minutes=120, state="sent"),
    "MailworkerRedisFull": redis_is_almost_full,
    "MailworkerRedisDown, full": lambda site: site.container.redis.config_set("maxmemory", 1),
    "MailworkerMailWaits, in bulk": lambda site: site.add(minutes=400, lane=2),
    "MailworkerBounces": bounces,
    "MailworkerEventsLate": late_events,
    "MailworkerContactsWait": contact_that_waits,
    "MailworkerGuesses": guesses,
    "MailworkerMailjetSlow": a_slow_call,
    "MailworkerBooksDoNotBalance": a_state_that_nobody_knows,
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_the_alert_fires(site, name, tmp_path):
    before = site.metrics()
    FAULTS[name](site)
    after = site.metrics()
    alert = name.partition(",")[0]
    firing = f'group(ALERTS{{alertname="{alert}",alertstate="firing"}})'
    cases = [
        {
            "interval": "1m",
            "input_series": [series(key, before.get(key), after.get(key)) for key in sorted({*before, *after})],
            "promql_expr_test": [
                {"expr": firing, "eval_time": f"{WELL - 1}m", "exp_samples": []},
                {"expr": firing, "eval_time": f"{LOOK}m", "exp_samples": [{"labels": "{}", "value": 1}]},
            ],
        }
    ]  # fmt: skip
    test = tmp_path / "alert.yml"
    rules = tmp_path / "rules.yml"
    rules.write_text(json.dumps({"groups": [{"name": "asked", "rules": [RULES[alert]]}]}), encoding="utf-8")
    asked = {"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": cases}
    test.write_text(json.dumps(asked), encoding="utf-8")
    done = subprocess.run(["promtool", "test", "rules", test], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def series(key, before, after):
    """One series over the whole time, as promtool writes it."""
    name, labels = key
    step = 0.0
    if name.endswith(("_total", "_bucket", "_sum", "_count")) and after is not None:
        step = after - (before or 0.0)
    well = f"_x{WELL}" if before is None else f"{before}+0x{WELL - 1}"
    ill = f"_x{ILL}" if after is None else f"{after}+{step}x{ILL}"
    named = ",".join(f'{label}="{value}"' for label, value in labels)
    return {"series": f"{name}{{{named}}}", "values": f"{well} {ill}"}
