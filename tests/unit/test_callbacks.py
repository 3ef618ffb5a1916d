"""What became of a mail, told to the CRM: signed, retried, and no change twice."""

import base64
import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert
from standardwebhooks import Webhook, WebhookVerificationError

from mailworker.config.settings import parse_settings
from mailworker.crm_callbacks import Callbacks
from mailworker.errors import ConfigError
from mailworker.ledger.callback_rows import SETTLED
from mailworker.ledger.tables import timeline
from mailworker.rules.callback_signature import signature, signed
from tests import http_server
from tests.scan_world import RESET, World, open_ledger, wipe

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KEY = base64.b64decode(SECRET.removeprefix("whsec_"))
INVOICE = "api_crmCommunicationCustomerInvoice"


def test_the_signature_is_that_of_standard_webhooks():
    """The example that the libraries of Standard Webhooks share."""
    made = signature(b'{"test": 2432232314}', "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, KEY)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(
    body=st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.booleans(), st.none())),
    key=st.binary(min_size=24, max_size=64),
    place=st.integers(0),
)
def test_the_official_library_takes_what_is_signed_and_nothing_else(body, key, place):
    content, headers = signed(body, "mailworker-1", key, datetime.now(UTC))
    receiver = Webhook(base64.b64encode(key).decode())
    assert receiver.verify(content, headers) == body
    changed = bytearray(content)
    changed[place % len(content)] ^= 1
    for wrong in (
        lambda: receiver.verify(bytes(changed).decode("latin-1"), headers),
        lambda: receiver.verify(content, headers | {"webhook-id": "mailworker-2"}),
        lambda: Webhook(key + b"x").verify(content, headers),
    ):
        with pytest.raises(WebhookVerificationError):
            wrong()


@pytest.fixture(scope="module")
def ledger():
    made = open_ledger()
    yield made
    made.close()


class Crm:
    def __init__(self):
        self.upserted = []
        self.answers = []

    @property
    def states(self):
        return [body["data"]["state"] for _, body in self.upserted]


@contextmanager
def listening(crm):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            content = self.rfile.read(int(self.headers["Content-Length"]))
            status = crm.answers.pop(0) if crm.answers else 204
            if status < 300:
                sent_at = datetime.fromtimestamp(int(self.headers["webhook-timestamp"]), UTC)
                wanted = Webhook(SECRET).sign(self.headers["webhook-id"], sent_at, content.decode())
                right = self.headers["webhook-signature"] == wanted
                crm.upserted.append(
                    (dict(self.headers), json.loads(content)) if right else "a wrong signature"
                )
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with http_server.listening(Handler, 0.02) as url:
        yield f"{url}/mail"


@pytest.fixture
def scene(ledger):
    wipe(ledger)
    crm = Crm()
    with listening(crm) as url:
        extra = f'  {INVOICE}: {{from_email: a@house.example, from_name: A, template_id: 1, subject: S}}\ncallbacks:\n  url: "{url}"\n  secret: {SECRET}\n'
        yield make(ledger, crm, extra)


def make(ledger, crm, extra):
    world = World(ledger, extra=extra)
    world.upserted = crm
    world.tasks = []
    world.callbacks = Callbacks(
        world.settings.callbacks,
        world.settings.kinds,
        ledger,
        lambda *given: world.tasks.append(given),
        world.clock,
    )
    world.run = lambda: world.callbacks.run(seconds=20)
    world.run()  # what was before is old news
    return world


def send(world, key, *, kind=RESET):
    values = {"user_name": "Zoé", "reset_url": "https://crm.example/r/secret", "expiry_time": "1 heure"}
    return world.enqueue(
        kind=kind,
        to={"email": "zoe@courriel.example"},
        variables=values,
        idempotency_key=key,
        customer_id="C-1",
    )


def note(world, id_, what, why=None):
    with world.ledger.write() as connection:
        connection.execute(
            insert(timeline), [{"message_id": id_, "at": world.clock.now, "what": what, "why": why}]
        )


@pytest.mark.parametrize(
    "people", [["zoe@courriel.example"], ["zoe@courriel.example", "a#b@courriel.example"]]
)
@pytest.mark.parametrize(
    "key", ["order#5", "a#b#c", "order#5#zoe@courriel.example", "for zoe@courriel.example"]
)
def test_the_crm_gets_the_very_key_that_it_gave(scene, key, people):
    values = {"user_name": "Zoé", "reset_url": "https://crm.example/r/secret", "expiry_time": "1 heure"}
    job = {"kind": RESET, "to": people, "variables": values, "idempotency_key": key}
    for id_ in scene.intake.accept(job, now=scene.clock.now).ids:
        note(scene, id_, "sent")
    scene.run()
    assert [body["data"]["idempotency_key"] for _, body in scene.upserted.upserted] == [key] * len(people)


def test_a_sent_mail_is_told_once_and_nothing_personal_with_it(scene):
    id_ = send(scene, "reset:1")
    note(scene, id_, "sent")
    for _ in range(3):
        scene.run()
        scene.clock.now += SETTLED
    ((headers, body),) = scene.upserted.upserted
    assert headers["webhook-id"].startswith("mailworker-")
    assert body["type"] == "mail.sent"
    assert body["data"] == {
        "message_id": id_, "kind": RESET, "state": "sent", "idempotency_key": "reset:1", "customer_id": "C-1",
    }  # fmt: skip
    assert "zoe" not in json.dumps(body)
    assert "secret" not in json.dumps(body)


@pytest.mark.parametrize(
    ("why", "told"),
    [("no such mailbox", "no such mailbox"), ("550 zoe@courriel.example unknown", None), (None, None)],
)
def test_a_reason_that_may_name_a_person_stays_here(scene, why, told):
    note(scene, send(scene, "reset:1"), "bounced", why)
    scene.run()
    ((_, body),) = scene.upserted.upserted
    assert body["data"].get("why") == told


def test_what_happened_before_is_old_news(ledger):
    wipe(ledger)
    crm = Crm()
    with listening(crm) as url:
        world = World(ledger)
        note(world, send(world, "reset:0"), "sent")
        extra = f'callbacks:\n  url: "{url}"\n  secret: {SECRET}\n'
        make(ledger, crm, extra).run()
    assert crm.upserted == []


def test_a_crm_that_is_away_hears_of_it_later_with_the_same_id(scene):
    note(scene, send(scene, "reset:1"), "failed", "Mailjet refuses it")
    scene.upserted.answers = [500, 503, 302, 404]
    for _ in range(12):
        scene.run()
        scene.clock.now += timedelta(minutes=10)
    assert scene.upserted.states == ["failed"]
    assert scene.callbacks.waiting() == 0


def test_a_crm_that_never_answers_is_given_up_in_the_end(scene):
    note(scene, send(scene, "reset:1"), "failed")
    scene.upserted.answers = [500] * 500
    lost = 0
    for _ in range(100):
        lost += scene.run().lost
        scene.clock.now += timedelta(hours=1)
    assert lost == 1
    assert scene.callbacks.waiting() == 0


def test_a_crm_that_is_sick_is_not_called_for_each_change(scene):
    for n in range(20):
        note(scene, send(scene, f"reset:{n}"), "sent")
    scene.upserted.answers = [500] * 500
    before = len(scene.upserted.answers)
    run = scene.run()
    assert before - len(scene.upserted.answers) == 3
    assert run.put_off == 20
    scene.upserted.answers = []
    for _ in range(5):
        scene.clock.now += timedelta(minutes=2)
        scene.run()
    assert len(scene.upserted.upserted) == 20
    assert len({headers["webhook-id"] for headers, _ in scene.upserted.upserted}) == 20


def test_a_change_that_is_committed_late_is_found(scene):
    """Rows get their numbers before they are committed: a lower one may come after a higher."""
    first, second = send(scene, "reset:1"), send(scene, "reset:2")
    with scene.ledger.write() as connection:
        highest = connection.exec_driver_sql("SELECT max(id) FROM timeline").scalar()
        row = {"message_id": second, "at": scene.clock.now, "what": "sent"}
        connection.execute(insert(timeline), [{"id": highest + 5, **row}])
    scene.run()
    with scene.ledger.write() as connection:
        row = {"message_id": first, "at": scene.clock.now, "what": "sent"}
        connection.execute(insert(timeline), [{"id": highest + 2, **row}])
    scene.run()
    assert {body["data"]["message_id"] for _, body in scene.upserted.upserted} == {first, second}


def test_a_word_of_delivery_is_told_once_and_a_copys_never(scene):
    id_ = send(scene, "reset:1")
    for what, why in [
        ("delivered", None),
        ("delivered", None),
        ("bounced", "a copy (cc or bcc)"),
        ("opened", None),
    ]:
        note(scene, id_, what, why)
        scene.run()
    assert scene.upserted.states == ["delivered"]


def test_a_mail_that_fails_again_after_a_replay_is_another_change(scene):
    id_ = send(scene, "reset:1")
    for what in ("failed", "ready", "failed"):
        note(scene, id_, what)
    scene.run()
    assert scene.upserted.states == ["failed", "failed"]


@pytest.mark.parametrize(
    ("state", "transmitted"), [("delivered", True), ("failed", False), ("bounced", False)]
)
def test_an_invoice_says_whether_it_was_transmitted(scene, state, transmitted):
    invoice = {"invoice_number": "F-1", "date": "2026-11-01", "due_date": "2026-12-01", "total_amount": "12.00", "total_tax": "2.00",
               "client": {"name": "Zoé"}, "transactions": [{"title": "Forfait", "retail_cost": "10.00", "tax_amount": "2.00", "tax_percentage": 20}]}  # fmt: skip
    values = {"customer_name": "Zoé", "invoice_number": "F-1", "invoice_date": "1", "due_date": "1", "total_amount": "12 €",
              "invoice_url": "", "pay_url": ""}  # fmt: skip
    id_ = scene.enqueue(
        kind=INVOICE,
        to={"email": "zoe@courriel.example"},
        variables=values,
        invoice=invoice,
        idempotency_key="F-1",
    )
    note(scene, id_, state)
    scene.run()
    ((_, body),) = scene.upserted.upserted
    assert body["data"]["invoice_transmitted"] is transmitted
    assert body["data"]["invoice_number"] == "F-1"


def test_each_kind_may_have_its_own_states(ledger):
    wipe(ledger)
    crm = Crm()
    with listening(crm) as url:
        extra = f'callbacks:\n  url: "{url}"\n  secret: {SECRET}\n  states: [sent]\n  kinds: {{{RESET}: [opened]}}\n'
        world = make(ledger, crm, extra)
        id_ = send(world, "reset:1")
        for what in ("sent", "opened"):
            note(world, id_, what)
        world.run()
    assert crm.states == ["opened"]


def test_a_celery_task_in_place_of_a_url(ledger):
    wipe(ledger)
    world = make(ledger, Crm(), "callbacks:\n  task: omnicrm.mail_changed\n  queue: omnicrm\n")
    note(world, send(world, "reset:1"), "sent")
    world.run()
    world.run()
    ((name, kwargs, task_id, queue),) = world.tasks
    assert (name, queue) == ("omnicrm.mail_changed", "omnicrm")
    assert kwargs["event"]["data"]["state"] == "sent"
    assert task_id.startswith("mailworker-")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("url: https://x.example/\n  task: t", "keep one of them"),
        ("url: https://x.example/", "needs a secret"),
        ("url: https://u:p@x.example/\n  secret: s", "url"),
        ("states: [seen]", "states"),
    ],
)
def test_a_wrong_section_is_refused(text, why):
    with pytest.raises(ConfigError, match=why):
        parse_settings(f"mailjet:\n  api_key: k\n  api_secret: s\ncallbacks:\n  {text}\n", environ={})
