"""The local Mailjet's search: which mails a text finds."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.simulator.inbox_search import search_of
from mailworker.simulator.received_mail import Outcome, ReceivedAttachment
from mailworker.simulator.received_store import Store

AT = datetime(2026, 11, 30, 9, tzinfo=UTC)
FILE = ReceivedAttachment("f.pdf", "application/pdf", 4, b"%PDF")


@pytest.fixture
def mails():
    store = Store(1_000)
    invoice = {
        "From": {"Email": "billing@horizon.example", "Name": "Horizon Télécom"}, "To": [{"Email": "paul@client.example", "Name": "Paul Martin"}],
        "Cc": [{"Email": "chief@client.example"}], "Subject": "Votre facture FA:42", "CustomID": "inv-1", "Variables": {"total": "47,88 €"},
    }  # fmt: skip
    reset = {
        "From": {"Email": "it@horizon.example"},
        "To": [{"Email": "zoe@client.example"}],
        "Bcc": [{"Email": "audit@horizon.example"}],
        "CustomID": "inv-2",
    }
    made = {
        "invoice": store.add(invoice, [FILE], AT, 0),
        "reset": store.add(reset, [], AT.replace(day=29), 0),
    }
    made["reset"].read = True
    made["reset"].outcome = Outcome("Reset your password", "", "")
    return made


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "invoice reset"), ("facture", "invoice"), ("FACTURE", "invoice"), ("votre 47,88", "invoice"), ("47,88 password", ""), ("reset your", "reset"),
        ('"your reset"', ""), ("client.example", "invoice reset"), ("to:paul", "invoice"), ('to:"paul martin"', "invoice"), ("to:chief", ""), ("cc:chief", "invoice"),
        ("bcc:audit", "reset"), ("from:télécom", "invoice"), ("from:it@", "reset"), ("subject:password", "reset"), ("id:inv-2", "reset"),
        ("has:attachment", "invoice"), ("-has:attachment", "reset"), ("is:unread", "invoice"), ("is:read", "reset"), ("!is:read", "invoice"), ("Is:Unread", "invoice"),
        ("before:2026-11-30", "reset"), ("after:2026-11-29", "invoice"), ("-before:2026-11-30 to:client", "invoice"), ("after:soon", ""), ("FA:42", "invoice"),
        ("-facture", "reset"), ("is:odd", ""), ('to:"" facture', "invoice"),
    ],
)  # fmt: skip
def test_which_mails_a_search_finds(mails, text, found):
    matches = search_of(text)
    assert " ".join(name for name, mail in mails.items() if matches(mail)) == found


@given(st.text(max_size=40))
def test_any_text_is_a_search_and_its_opposite_finds_the_others(text):
    mail = Store(0).add({"To": [{"Email": "a@b.example"}], "Subject": "a-b:c"}, [], AT, 0)
    assert isinstance(search_of(text)(mail), bool)
    word = "".join(one for one in text if one.isalnum())
    if word:
        assert search_of(word)(mail) is not search_of(f"-{word}")(mail)


def test_ids_of_a_later_start_are_none_of_an_earlier_one(monkeypatch):
    def first(seconds):
        monkeypatch.setattr(
            "mailworker.simulator.received_store.utc_now",
            lambda: datetime.fromtimestamp(1_796_000_000 + seconds, UTC),
        )
        store = Store(0)
        return [store.add({"To": [{"Email": "a@b.example"}]}, [], AT, 0).message_id for _ in range(100)]

    earlier, later = first(0), first(1)
    assert max(earlier) < min(later)
    assert 2**53 < min(earlier) < max(later) < 2**63
