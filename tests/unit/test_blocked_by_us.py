"""Which sent mails are offered for sending again: those that Mailjet blocked for a fault of ours."""

import pytest

from mailworker.ledger.resend_blocked import _copy, is_blocked_by_us
from mailworker.rules.delivery_status import OUR_FAULT
from mailworker.rules.job.idempotency_key import message_id
from tests.rows import NOW, row


@pytest.mark.parametrize(
    ("state", "delivery", "reason", "ours"),
    [
        ("sent", "blocked", f"Mailjet did not deliver it: bad template. {OUR_FAULT}", True),
        ("sent", "blocked", OUR_FAULT, True),
        ("sent", "blocked", "the address is on Mailjet's own list", False),
        ("sent", "blocked", None, False),
        ("sent", "blocked", "", False),
        ("sent", "delivered", OUR_FAULT, False),
        ("sent", None, OUR_FAULT, False),
        ("failed", "blocked", OUR_FAULT, False),
    ],
)
def test_only_what_mailjet_has_and_blocked_for_our_fault(state, delivery, reason, ours):
    assert is_blocked_by_us({"state": state, "delivery": delivery, "reason": reason}) is ours


@pytest.mark.parametrize(
    ("length", "key"), [(1, "k#again"), (594, "k" * 594 + "#again"), (595, None), (600, None)]
)
def test_a_copy_has_a_key_of_its_own_that_the_ledger_can_hold(length, key):
    given = {**row("m1", state="sent", idempotency_key="k" * length, attempts=3), "mailjet_id": 7}
    copy = _copy(given, NOW)
    kept = copy["idempotency_key"]
    assert (kept == key) if key else (len(kept) == 64)
    assert (copy["id"], copy["state"], copy["attempts"], copy["mailjet_id"]) == (
        message_id(kept),
        "ready",
        0,
        None,
    )
    assert copy == _copy(given, NOW), "the same copy however often it is asked for"
    assert {copy[name] for name in ("not_before", "accepted_at", "changed_at")} == {NOW}


def test_of_the_first_ones_sending_a_copy_knows_nothing():
    sent = {
        "reason": "blocked", "lease": "L", "lease_until": NOW, "called_at": NOW, "last_call_at": NOW, "attempts": 3,
        "lookups": 2, "batch_limit": 1, "mailjet_id": 7, "mailjet_uuid": "u", "delivery": "blocked",
    }  # fmt: skip
    copy = _copy({**row("m1", state="sent"), **sent}, NOW)
    fresh = dict.fromkeys(sent) | {"attempts": 0, "lookups": 0, "batch_limit": 50}
    assert {name: copy[name] for name in sent} == fresh


@pytest.mark.parametrize(("invoice", "invoice_id"), [({"number": "F"}, None), (None, "7")])
def test_a_copy_of_an_invoices_mail_is_prepared_anew(invoice, invoice_id):
    assert _copy(row("m1", invoice=invoice, invoice_id=invoice_id), NOW)["state"] == "accepted"
