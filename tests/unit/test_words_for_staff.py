"""What staff are told of a message, a scan and a replay: each state and each condition, word for word."""

from zoneinfo import ZoneInfo

import pytest

from mailworker.config.builtin_kinds import INVOICE, KINDS, PASSWORD_RESET
from mailworker.rules.delivery_status import OUR_FAULT
from mailworker.rules.lookup_schedule import FOR_A_PERSON
from mailworker.rules.may_replay import replay_hindrance
from mailworker.rules.message_explain import MessageFacts, explained
from mailworker.rules.rehearse_or_write import Arming, ScanMode, mode_of, why_it_rehearses
from tests.rows import NOW, after

FACTS = MessageFacts(NOW, ZoneInfo("Europe/Paris"))
ANEW = (
    "Correct the address in the CRM and send the mail anew; where the address is right after all, "
    "`mailworker suppressions lift` takes it off the list first."
)
ROW = {
    "id": "m1", "state": "ready", "reason": None, "delivery": None, "attempts": 0, "not_before": None,
    "expires_at": None, "changed_at": NOW,
}  # fmt: skip


def text(moment):
    return f"{moment.astimezone(FACTS.zone):%Y-%m-%d %H:%M} (Europe/Paris)"


@pytest.mark.parametrize(
    ("row", "facts", "faults"),
    [
        ({"state": "accepted"}, {}, ["It is accepted, and waits for a worker to prepare its invoice."]),
        ({"state": "accepted", "reason": "x."}, {}, ["It is accepted, and waits for a worker to prepare its invoice.", "The last that happened: x."]),
        ({"state": "accepted", "not_before": after(1)}, {}, [f"It leaves at {text(after(1))}, not before."]),
        ({"state": "accepted", "not_before": NOW}, {}, ["It is accepted, and waits for a worker to prepare its invoice."]),
        ({"state": "rendering"}, {}, ["Its invoice is being prepared at this moment."]),
        ({}, {}, ["It waits for its turn to leave."]),
        ({"not_before": after(60), "reason": "night."}, {}, [f"It leaves at {text(after(60))}, not before (night)."]),
        ({"attempts": 1}, {}, ["It waits for its turn to leave.", "It was tried once so far."]),
        ({"attempts": 2}, {}, ["It waits for its turn to leave.", "It was tried 2 times so far."]),
        ({"expires_at": after(60)}, {}, ["It waits for its turn to leave.", f"It is of no use any more after {text(after(60))}, and expires then."]),
        ({}, {"held": "checking."}, ["It waits, for mail is held: checking. It leaves when the hold ends."]),
        ({}, {"suppressed": "spam"}, ["It waits for its turn to leave.", "The address is on the suppression list (spam), which may stop it."]),
        ({"not_before": after(60), "reason": "PDF of 9 bytes, sha256 5ha"}, {}, [f"It leaves at {text(after(60))}, not before."]),
        ({"state": "sending"}, {"suppressed": "spam"}, ["It is in a call to Mailjet at this moment."]),
        ({"state": "unknown"}, {}, ["Nobody saw the answer to its call: Mailjet may or may not have it, and is asked."]),
        ({"state": "unknown", "reason": FOR_A_PERSON}, {}, [f"{FOR_A_PERSON}.", "Look for its id at Mailjet. It is not there? `mailworker messages replay --unknown m1 --yes`."]),
        ({}, {"outage": True}, ["It waits, for Mailjet is out of order. It leaves by itself when Mailjet answers again."]),
        ({"not_before": after(60)}, {"outage": True}, [f"It leaves at {text(after(60))}, not before."]),
        ({}, {"outage": True, "held": "checking."}, ["It waits, for mail is held: checking. It leaves when the hold ends."]),
        ({"state": "sent"}, {}, [f"Mailjet accepted it at {text(NOW)}; no event has come since, so delivery is not proven."]),
        ({"state": "sent", "delivery": "delivered"}, {}, [f"Mailjet accepted it at {text(NOW)}; the recipient's server took it."]),
        ({"state": "sent", "delivery": "delivered"}, {"last_event_at": after(60)}, [f"Mailjet accepted it at {text(NOW)}; the recipient's server took it, as of {text(after(60))}."]),
        ({"state": "sent", "delivery": "odd"}, {}, [f"Mailjet accepted it at {text(NOW)}; it is odd."]),
        ({"state": "sent", "delivery": "bounced"}, {}, [f"Mailjet accepted it at {text(NOW)}; the recipient's server refused it for good.", "Its timeline (`mailworker messages show`) has Mailjet's words for it.", ANEW]),
        ({"state": "sent", "delivery": "blocked"}, {}, [f"Mailjet accepted it at {text(NOW)}; Mailjet did not deliver it.", "Its timeline (`mailworker messages show`) has Mailjet's words for it."]),
        ({"state": "sent", "delivery": "blocked", "reason": OUR_FAULT}, {"resendable": False}, [f"Mailjet accepted it at {text(NOW)}.", OUR_FAULT]),
        ({"state": "sent", "delivery": "blocked", "reason": OUR_FAULT}, {}, [f"Mailjet accepted it at {text(NOW)}.", OUR_FAULT, "Once that is mended: `mailworker messages replay m1 --yes`."]),
        ({"state": "failed", "reason": "why."}, {}, ["It failed and did not leave: why.", "Once that is mended: `mailworker messages replay m1 --yes`."]),
        ({"state": "failed", "reason": "why.", "invoice": {"a": 1}}, {}, ["It failed and did not leave: why.", "Once that is mended: `mailworker messages replay m1 --yes`.", "If the document itself is wrong, send the corrected one: `mailworker invoice send FILE --again`."]),
        ({"state": "suppressed"}, {}, ["It did not leave, for its recipient may not be written to: no reason is written down."]),
        ({"state": "suppressed", "reason": "it is on the suppression list: spam"}, {}, ["It did not leave, for its recipient may not be written to: it is on the suppression list: spam.", ANEW]),
        ({"state": "expired", "reason": "late"}, {}, [f"It did not leave in time ({text(NOW)}): late."]),
        ({"state": "cancelled", "reason": "paid"}, {}, ["It did not leave, for it was no longer true or was ended: paid."]),
        ({"state": "held", "reason": "stop"}, {}, ["An operator stopped it: stop."]),
        ({"state": "new", "reason": "x"}, {}, ["It is new: x."]),
    ],
)  # fmt: skip
def test_a_message_is_explained(row, facts, faults):
    known = MessageFacts(FACTS.now, FACTS.zone, **facts)
    assert explained(ROW | row, known) == faults


@pytest.mark.parametrize(
    ("change", "kind", "faults"),
    [
        ({}, KINDS[INVOICE], ""),
        ({}, None, "k is not in the configuration any more: add it again."),
        (
            {"expires_at": NOW},
            KINDS[INVOICE],
            "it is too late to be useful; its caller has to ask for a new one.",
        ),
        ({"expires_at": after(1)}, KINDS[INVOICE], ""),
        (
            {"variables": {}},
            KINDS[PASSWORD_RESET],
            "its reset_url was wiped; its caller has to ask for a new one.",
        ),
        (
            {"variables": None},
            KINDS[PASSWORD_RESET],
            "its reset_url was wiped; its caller has to ask for a new one.",
        ),
        ({"variables": {"reset_url": "x"}}, KINDS[PASSWORD_RESET], ""),
        ({"variables": {}, "invoice": {}}, KINDS[PASSWORD_RESET], ""),
        ({"variables": {}, "invoice_id": "7"}, KINDS[PASSWORD_RESET], ""),
    ],
)
def test_what_hinders_a_replay(change, kind, faults):
    row = {"kind": "k", "expires_at": None, "variables": {}, "invoice": None, "invoice_id": None}
    assert replay_hindrance(row | change, kind, NOW) == faults


@pytest.mark.parametrize(
    ("arming", "mode", "words"),
    [
        (None, ScanMode.REHEARSAL, "It only rehearses, and writes to nobody: it was never started."),
        (Arming("reminders", NOW), ScanMode.REAL, ""),
        (Arming("reminders", NOW, policy="p"), ScanMode.REAL, ""),
        (Arming("reminders", NOW, policy="old"), ScanMode.REHEARSAL, "Its configuration or query changed: it counts first who would be due."),
        (Arming("reminders", NOW, policy="old", waiting_policy="p", waiting_due=7), ScanMode.REHEARSAL, "It stopped to ask: since the configuration or the query changed, 7 are due."),
        (Arming("reminders", NOW, policy="old", waiting_policy="older"), ScanMode.REHEARSAL, "Its configuration or query changed"),
    ],
)  # fmt: skip
def test_why_a_scan_rehearses(arming, mode, words):
    assert mode_of(arming, "p") is mode
    faults = why_it_rehearses(arming, "p", "reminders")
    assert faults.startswith(words)
    assert bool(faults) is (mode is ScanMode.REHEARSAL)
    if faults and words[:2] == "It":
        assert "`mailworker reminders start`" in faults or "counts first" in faults
