"""The operators' pages in French: states, reasons and what a message's story says."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

import mailworker.web as web_package
from mailworker.core.database_faults import _BY_STATE, _BY_WORDS
from mailworker.core.lane import Lane
from mailworker.core.states import State
from mailworker.rules.delivery_status import Delivery
from mailworker.rules.message_explain import MessageFacts, explained
from mailworker.rules.recipient_gate import HARD_REASONS, Purpose, Standing, refusal
from mailworker.rules.reminder_due import __file__ as exclusions
from mailworker.web.operators_page.language import PageLanguage

FRENCH, ENGLISH = PageLanguage("fr"), PageLanguage("en")
NOW = datetime(2026, 11, 30, 10, tzinfo=UTC)
FACTS = MessageFacts(NOW, ZoneInfo("Europe/Paris"))
#: The same word in both languages.
SAME = {"urgent", "normal"}


@pytest.mark.parametrize("word", [*State, *Delivery, *(lane.word for lane in Lane)])
def test_every_state_has_a_french_word(word):
    assert (FRENCH.word(str(word)) != str(word)) or str(word) in SAME
    assert ENGLISH.word(str(word)) == str(word)


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("delivery", [None, *Delivery])
@pytest.mark.parametrize("later", [True, False])
def test_every_story_is_told_in_french(state, delivery, later):
    row = {
        "id": "m-1", "state": str(state), "delivery": delivery and str(delivery), "attempts": 2,
        "reason": "too late to be useful", "changed_at": NOW, "expires_at": NOW + timedelta(hours=1),
        "not_before": NOW + timedelta(hours=1) if later else None, "invoice": {"number": "FA-1"} if later else None,
    }  # fmt: skip
    held, last = ("", NOW) if later else ("maintenance", None)
    facts = MessageFacts(NOW, FACTS.zone, held=held, suppressed="hard bounce", last_event_at=last)
    for sentence in explained(row, facts):
        faults = FRENCH.sentence(sentence)
        assert faults != sentence
        assert not re.search(r"\b(the|it|its|was|useful|Mailjet accepted)\b", faults), faults
        assert "{}" not in faults
        assert ENGLISH.sentence(sentence) == sentence


@pytest.mark.parametrize(
    "standing",
    [
        *(Standing(suppressed=reason) for reason in HARD_REASONS),
        Standing(unsubscribed=True),
        Standing(left_out=True),
        Standing(consents=False),
        Standing(),
    ],
)
def test_why_an_address_gets_nothing_is_said_in_french(standing):
    stop = refusal(standing, Purpose.CAMPAIGN)
    assert stop is not None
    assert FRENCH.sentence(stop.why) != stop.why


def test_why_an_invoice_gets_no_reminder_is_said_in_french():
    given = re.findall(r'NotDue\(Why\.\w+, "([^"]+)"', Path(exclusions).read_text("utf-8"))
    assert given
    assert [text for text in given if FRENCH.sentence(text) == text] == []


@pytest.mark.parametrize(
    ("english", "french"),
    [
        ("OmniCRM did not answer in time.", "OmniCRM n’a pas répondu à temps."),
        ("OmniCRM cannot be reached.", "OmniCRM est injoignable."),
        ("OmniCRM answered 502 to one of invoices.", "OmniCRM a répondu 502 à one of invoices."),
        ("OmniCRM answered 404 to one of invoices; check its path.", "OmniCRM a répondu 404 à one of invoices ; vérifiez son chemin."),
        ("The invoice template own.html, line 3: expected name.", "Le modèle de facture own.html, ligne 3 : expected name."),
    ],
)  # fmt: skip
def test_why_an_invoice_cannot_be_prepared_is_said_in_french(english, french):
    assert FRENCH.sentence(english) == french


def test_a_sentence_inside_another_is_translated_and_strange_words_stay():
    assert FRENCH.sentence("It failed and did not leave: The invoice is paid.") == (
        "Il a échoué et n’est pas parti : La facture est payée."
    )
    assert FRENCH.sentence("Mailjet refuses the message: {user} not found.") == (
        "Mailjet refuse le message : {user} not found."
    )
    assert FRENCH.sentence("something {} else") == "something {} else"


@pytest.mark.parametrize("kind", sorted({*_BY_STATE.values(), *_BY_WORDS.values()}))
def test_what_a_database_refuses_is_said_in_french_with_its_own_words_as_a_quotation(kind):
    for english, french in (
        ("The ledger does not answer", "Le registre ne répond pas"),
        ("The CRM's database cannot be reached", "La base du CRM est injoignable"),
    ):
        said = FRENCH.sentence(f"{english}: {kind} (“FATAL: x”).")
        assert said.startswith(f"{french} : ")
        assert said.endswith(" («\u00a0FATAL: x\u00a0»).")
        assert kind not in said


def test_every_gap_of_a_sentence_is_in_its_french():
    texts = Path(web_package.__file__).parent / "templates" / "reasons.fr.yaml"
    sentences = yaml.safe_load(texts.read_text("utf-8"))["sentences"]
    assert [one for one, french in sentences.items() if one.count("{}") != french.count("{}")] == []


@pytest.mark.parametrize(
    ("english", "french"),
    [("1,234", "1\u202f234"), ("99.5%", "99,5\u202f%"), ("5 / 200", "5 / 200"), ("-", "-")],
)
def test_numbers_are_written_as_the_language_does(english, french):
    assert (FRENCH.number(english), ENGLISH.number(english)) == (french, english)


@pytest.mark.parametrize(
    ("said", "french"),
    [
        ("The PDF store /srv/pdfs does not work now: No space left on device.", "Le stockage des PDF /srv/pdfs ne fonctionne pas en ce moment : plus de place sur le disque."),
        ("The invoice template asks for logo.png, which is in none of its folders; put it into invoice.assets.", "Le modèle de facture demande logo.png, absent de tous ses dossiers ; mettez-le dans invoice.assets."),
    ],
)  # fmt: skip
def test_what_invoices_wait_for_is_said_in_french(said, french):
    assert PageLanguage("fr").sentence(said) == french
