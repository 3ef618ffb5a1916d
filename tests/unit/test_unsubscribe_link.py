"""A campaign's one-click link: in campaigns only, and of use for its own message only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.config.settings import parse_settings
from mailworker.core.message import Address, Mail
from mailworker.dispatch.unsubscribe_links import UnsubscribeLinks
from mailworker.rules.campaign_rules import key_of, key_of_test
from mailworker.rules.sign_unsubscribe_link import message_of, unsubscribe_link
from tests.scan_world import CONFIG, open_ledger
from tests.send_payload import message_payload

KEY = bytes(32)
ID = "0b0b1f9e-1111-4111-8111-1234567890ab"


def token_of(link):
    return link.rpartition("/")[2]


def test_links_of_mails_that_have_left_go_on_working():
    link = "https://mail.example.net/unsubscribe/m-1.vgxCBUwHEJYG0HPB"
    assert unsubscribe_link("https://mail.example.net/", "m-1", b"k" * 32) == link
    assert message_of("m-1.vgxCBUwHEJYG0HPB", b"k" * 32) == "m-1"


def test_a_link_names_its_message_and_no_other():
    token = token_of(unsubscribe_link("https://mail.example.net/", ID, KEY))
    assert message_of(token, KEY) == ID
    assert message_of(token, bytes([1]) * 32) is None
    assert message_of(token.replace("0b", "0c", 1), KEY) is None


@given(st.text(max_size=80))
def test_what_is_no_link_of_ours_names_nothing(token):
    assert message_of(token, KEY) is None
    assert message_of(f"{ID}.{token}", KEY) in {None, ID}


@pytest.fixture
def ledger():
    made = open_ledger()
    yield made
    made.close()


def link(ledger, key, url="https://mail.example.net"):
    web = f"web: {{public_url: '{url}'}}\n" if url else ""
    settings = parse_settings(CONFIG + web, environ={})
    return UnsubscribeLinks(settings, ledger).of({"id": ID, "idempotency_key": key})


def test_campaigns_carry_it_and_every_process_makes_the_same(ledger):
    first = link(ledger, key_of("0123456789ab", "7"))
    assert first.startswith(f"https://mail.example.net/unsubscribe/{ID}.")
    assert link(ledger, key_of("0123456789ab", "7")) == first


@pytest.mark.parametrize(
    ("key", "url"),
    [
        ("invoice:7", "https://mail.example.net"),
        (key_of_test("0123456789ab", "x"), "https://mail.example.net"),
        (key_of("0123456789ab", "7"), "http://mail.example.net"),
        (key_of("0123456789ab", "7"), ""),
    ],
)
def test_no_other_mail_carries_it_and_none_that_nobody_could_follow(ledger, key, url):
    assert link(ledger, key, url) == ""


def test_both_headers_of_rfc_8058_or_neither():
    mail = Mail(
        ID, "k", Address("a@b.example"), Address("c@d.example"), 1, "S", {}, unsubscribe="https://x.example/u"
    )
    headers = message_payload(mail)["Headers"]
    assert headers["List-Unsubscribe"] == "<https://x.example/u>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    without = Mail(ID, "k", Address("a@b.example"), Address("c@d.example"), 1, "S", {})
    assert set(message_payload(without)["Headers"]) == {"Auto-Submitted"}
