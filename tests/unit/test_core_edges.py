"""The small nouns and words that every room uses: exactly what they say, and at which bound they change."""

import re
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from unicodedata import bidirectional, category

import pytest

from mailworker.core import exception_location, version
from mailworker.core.age_in_words import age
from mailworker.core.calendar_range import within_calendar
from mailworker.core.currency import (
    canonical_currency,
    current_currency,
    in_units,
    is_currency,
    minor_units,
)
from mailworker.core.did_you_mean import did_you_mean
from mailworker.core.kind import Kind, RecipientLimit, Variable
from mailworker.core.lane import Lane
from mailworker.core.language_tag import base_language, canonical_language
from mailworker.core.masked_secret import Secret
from mailworker.core.message import Address, Job, Mail
from mailworker.core.process_lock import ProcessLock
from mailworker.core.safe_text import can_travel, carriable, is_one_line, one_line, shortened, shown, unbroken
from mailworker.core.states import FINAL, MOVES, WAITING, State, may_move
from mailworker.core.summable import Summable
from mailworker.core.unset_text import UnsetText, known
from mailworker.errors import ConfigError
from mailworker.invoices.code_lists import CURRENCIES
from mailworker.rules.quiet_hours import local_day

#: The bidirectional classes of what turns the direction of a text (Unicode, UAX 9).
TURNING = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (0, "0 s"), (1.9, "1 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"),
     (172_799, "47 h"), (172_800, "2 d"), (259_199, "2 d"), (864_000, "10 d")],
)  # fmt: skip
def test_how_long_ago(seconds, words):
    assert age(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize("year", [1900, 2200])
def test_the_calendars_ends(year):
    assert within_calendar(date(year, 6, 1)) == date(year, 6, 1)
    for beyond in (1899, 2201):
        with pytest.raises(ValueError, match="is not between the years 1900 and 2200"):
            within_calendar(date(beyond, 6, 1))


def test_currencies():
    assert [minor_units(one) for one in ("EUR", "JPY", "TND")] == [2, 0, 3]
    assert is_currency("FRF")
    assert not is_currency("eur")
    assert canonical_currency(" chf ") == "CHF"
    for wrong in ("EU", "", "€"):
        with pytest.raises(ValueError, match="is no currency's code of ISO 4217, such as EUR"):
            canonical_currency(wrong)


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [("1.005", "EUR", "1.01"), ("1.004", "EUR", "1.00"), ("0.5", "JPY", "1"), ("-1.005", "EUR", "-1.01"),
     ("-0.004", "EUR", "0.00"), ("2.0005", "TND", "2.001")],
)  # fmt: skip
def test_half_a_unit_is_rounded_up_and_less_is_nothing(amount, currency, rounded):
    found = in_units(Decimal(amount), currency)
    assert str(found) == rounded


@pytest.mark.parametrize(
    ("name", "hint"),
    [("api_kay", "; did you mean 'api_key'?"), ("zzz", ""), ("api_key" * 15, ""), ("", "")],
)
def test_what_was_probably_meant(name, hint):
    assert did_you_mean(name, {"api_key": 1, "other": 2}) == hint


def test_what_all_names_begin_with_makes_none_of_them_likelier():
    known = ["api_crmCommunicationUserWelcome", "api_crmCommunicationsBalanceLow"]
    assert did_you_mean("api_crmCommunicationNonsense", known) == ""
    assert did_you_mean("api_crmCommunicationUserWelcom", known) == f"; did you mean '{known[0]}'?"
    assert did_you_mean("api_crmComunicationUserWelcome", known) == f"; did you mean '{known[0]}'?"
    assert did_you_mean("x", []) == ""
    assert did_you_mean("UserWelcom", known) == f"; did you mean '{known[0]}'?", "without what all begin with"
    assert did_you_mean("BalanceLo", known) == f"; did you mean '{known[1]}'?"
    assert did_you_mean("Nonsense", known) == ""


def test_so_long_a_name_is_still_compared():
    name = "x" * 100
    assert did_you_mean(name, [name]) == f"; did you mean '{name}'?"
    assert did_you_mean(name + "x", [name]) == ""


@pytest.mark.parametrize(
    ("tag", "canonical", "base"),
    [("EN", "en", "en"), (" en_GB ", "en-gb", "en"), ("zh-Hant-TW", "zh-hant-tw", "zh"), ("es-419", "es-419", "es"),
     ("english", None, ""), ("", None, ""), ("e", None, ""), ("en-", None, ""), ("en-GB-x", None, "")],
)  # fmt: skip
def test_languages(tag, canonical, base):
    assert (canonical_language(tag), base_language(tag)) == (canonical, base)


@pytest.mark.parametrize(
    ("text", "travels", "one"),
    [("abc", True, True), ("a\tb", True, False), ("a\nb", True, False), ("a\x85b", True, False), ("a\u2028b", True, False),
     ("a\u00a0b", True, True), ("a\x00", False, False), ("a\ud800", False, False), ("a\x7f", False, False), ("a\u200db", True, True)],
)  # fmt: skip
def test_what_can_travel(text, travels, one):
    assert (can_travel(text), is_one_line(text)) == (travels, one)


def test_text_is_made_carriable_and_short():
    assert carriable("a\x00b\u202ec\u2066d\u00a0e\n") == "abcd\u00a0e\n"
    assert carriable("L\x92offre \x96 12 \x80\x81") == "L’offre – 12 €"  # Windows-1252 read as Latin-1
    assert one_line("  a\t\n b\u2028c  ", 9) == "a b c"
    assert unbroken(" a\tb\x85\x0bc\u2028") == "a b c"
    assert shortened("abcd", 4) == "abcd"
    assert shortened("abcde", 4) == "abc…"
    assert shortened("ab cde", 4) == "ab…"


def test_no_character_without_a_meaning_is_carried_or_shown():
    """By Unicode's own table: controls, halves of pairs, noncharacters and what turns the direction."""
    characters = [chr(number) for number in range(sys.maxunicode + 1)]
    nameless = [one for one in characters if category(one) in {"Cc", "Cs"} or _is_noncharacter(ord(one))]
    turning = [one for one in characters if bidirectional(one) in TURNING]
    assert (len(nameless), len(turning)) == (65 + 2048 + 66, 9)
    text = "".join(nameless + turning)
    for made, kept in ((carriable(text), "\t\n\r\x85"), (unbroken(f"a{text}b"), ""), (shown(text), "\t\n\r")):
        assert sorted({*made} & {*nameless, *turning}) == sorted(kept)


def _is_noncharacter(number):
    return 0xFDD0 <= number <= 0xFDEF or number & 0xFFFE == 0xFFFE


def test_results_add_up_field_by_field():
    @dataclass(frozen=True)
    class Inner(Summable):
        number: int = 0

    @dataclass(frozen=True)
    class Outer(Summable):
        words: tuple[str, ...]
        inner: Inner

    assert Outer(("a",), Inner(1)) + Outer(("b",), Inner(2)) == Outer(("a", "b"), Inner(3))


class NoZone(tzinfo):
    def utcoffset(self, _moment):
        raise NotImplementedError


def test_where_an_exception_came_from_without_its_words():
    assert exception_location.place_of(ValueError("secret")) == "ValueError"
    try:
        timedelta(days="anna@example.com")
    except TypeError as fault:
        here = fault.__traceback__.tb_lineno
        told = exception_location.place_of(fault)
    assert told == f"TypeError at test_core_edges.py:{here}"
    try:
        canonical_currency("anna")
    except ValueError as fault:
        told = exception_location.place_of(fault)
    assert told.startswith("ValueError at currency.py:")
    assert "called from" not in told
    try:
        UnsetText.__new__(UnsetText, None)
        in_units("anna", "EUR")
    except AttributeError as fault:
        told = exception_location.place_of(fault)
    assert told.startswith("AttributeError at currency.py:")
    try:
        local_day(datetime(2026, 11, 30, tzinfo=UTC), NoZone())
    except NotImplementedError as fault:
        told = exception_location.place_of(fault)
    assert re.fullmatch(
        r"NotImplementedError at test_core_edges.py:\d+, called from quiet_hours.py:\d+", told
    )


def test_a_text_whose_variable_is_not_set():
    text = UnsetText("set A")
    assert (text, text.fault, text.may_wait) == ("", "set A", False)
    assert known("x") == "x"
    with pytest.raises(ConfigError, match="set A"):
        known(text)


def test_a_secret():
    assert (str(Secret("x")), repr(Secret("x")), f"{Secret('x'):>5}") == ("***", "***", "  ***")
    assert Secret("x") == Secret("x")
    assert Secret("x") != Secret("y")
    assert Secret("x") != "x"
    assert len({Secret("x"), Secret("x"), Secret("y")}) == 2
    unset = Secret(UnsetText("set A"))
    assert [bool(one) for one in (Secret("x"), Secret(""), unset)] == [True, False, True]
    assert [one.is_known for one in (Secret("x"), unset)] == [True, False]
    assert unset != Secret("")
    assert unset != Secret(UnsetText("set B"))
    with pytest.raises(ConfigError, match="set A"):
        unset.reveal()
    assert Secret._coerce(unset) is unset
    for wrong in ("", 7, None):
        with pytest.raises(ValueError, match="is a secret: write it in quotes"):
            Secret._coerce(wrong)


def test_what_a_message_may_become():
    told = {old: {new for new in State if may_move(old, new)} for old in State}
    assert told == {old: set(news) for old, news in MOVES.items()}
    assert {old for old, news in told.items() if not news} == FINAL - {State.FAILED}
    assert set(State) == WAITING | FINAL
    assert not WAITING & FINAL
    assert all(old not in news for old, news in told.items())


def test_lanes():
    assert [lane.word for lane in sorted(Lane)] == ["urgent", "normal", "bulk"]
    assert [Lane.from_word(word) for word in ("urgent", "normal", "bulk")] == [0, 1, 2]


def test_a_job_and_a_mail():
    job = Job("i", "k", "kind", Lane.NORMAL, None, {})
    assert (job.language, job.needs_preparing) == ("fr", False)
    assert Job("i", "k", "kind", Lane.NORMAL, None, {}, invoice={}).needs_preparing
    assert Job("i", "k", "kind", Lane.NORMAL, None, {}, invoice_id="").needs_preparing
    one = Address("a@b.example")
    mail = Mail("i", "k", one, one, 1, "S", {}, cc=(one, one), bcc=(one,))
    assert (mail.recipients, mail.quiet, mail.reply_to, mail.unsubscribe) == (4, False, "", "")


def test_a_kind():
    kind = Kind("k", (Variable("a"), Variable("b", required=False, secret=True)))
    assert (kind.required, kind.secrets) == ({"a"}, {"b"})
    assert kind.variable("b").secret
    assert kind.variable("c") is None
    assert (kind.lane, kind.service, kind.optional, kind.resend_needs_proof) == (
        Lane.NORMAL,
        True,
        False,
        False,
    )
    assert str(RecipientLimit(5, timedelta(hours=1))) == "5 mails of a kind in 1 hour"
    assert str(RecipientLimit(2, timedelta(minutes=90))) == "2 mails of a kind in 1.5 hours"


def test_a_lock_that_nobody_shares():
    lock = ProcessLock()
    assert lock.is_free()
    assert lock.take(wait=False)
    assert not lock.take(wait=False)
    assert not lock.is_free()
    lock.give_back()
    assert lock.is_free()
    assert lock.take()
    lock.give_back()


def test_a_moment_keeps_its_type():
    assert within_calendar(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_checkout_that_nobody_installed_has_no_version(monkeypatch):
    assert version._installed() == version.VERSION
    monkeypatch.setattr(version, "DISTRIBUTION", "surely-not-installed")
    assert version._installed() == "unknown"


def test_every_currency_of_iso_4217_may_be_the_default_and_no_other():
    """By EN 16931's official list, which is a little older than the library's on the euro in Bulgaria."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    every = {a + b + c for a in letters for b in letters for c in letters}
    taken = {code for code in every if _is_current(code)}
    assert taken - CURRENCIES <= {"BGN", "STN"}
    # El Salvador pays in dollars; the rest are metals, tests and units of account.
    assert CURRENCIES - taken == {
        "SVC",
        *["XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX"],
    }


def _is_current(code):
    try:
        return current_currency(code) == code
    except ValueError:
        return False
