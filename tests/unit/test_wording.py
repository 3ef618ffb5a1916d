"""Units are units: what stands behind a number follows the language, and is never a currency by accident."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mailworker.balances.alert_mail import low_variables
from mailworker.config.builtin_kinds import INVOICE, INVOICE_REMINDER
from mailworker.wording import mail_state, state_subject
from mailworker.wording.amounts_with_units import is_used_up, measured, quantity, respelt
from mailworker.wording.crm_translations import balance_type, changed_by, is_credit, is_ended_service
from mailworker.wording.link_expiry import days_left, link_expiry, read_span, written_moment, written_span
from tests.scan_world import balance


def plain(text):
    return text.replace("\u202f", " ").replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("amount", "unit", "french", "english"),
    [
        ("15", "SMS", "15 SMS", "15 SMS"),
        ("0", "MMS", "0 MMS", "0 MMS"),
        ("2.4", "min", "2 min 24 s", "2 min 24 s"),
        ("90", "MIN", "1 h 30 min", "1 h 30 min"),
        ("45", "s", "45 s", "45 s"),
        ("0", "min", "0 min", "0 min"),
        ("1.5", "h", "1 h 30 min", "1 h 30 min"),
        ("15", "Go", "15 Go", "15 GB"),
        ("15", " Go ", "15 Go", "15 GB"),
        ("5", " Étoiles ", "5 Étoiles", "5 Étoiles"),
        ("1.5", "GB", "1,5 Go", "1.5 GB"),
        ("900", "Mo", "900 Mo", "900 MB"),
        ("1", "jour", "1 jour", "1 day"),
        ("1.5", "jours", "1,5 jour", "1.5 days"),
        ("2", "day", "2 jours", "2 days"),
        ("0", "jour", "0 jour", "0 days"),
        ("3", "mois", "3 mois", "3 months"),
        ("4.2", "EUR", "4,20 €", "€4.20"),
        ("4.2", "eur", "4,20 €", "€4.20"),
        ("5", "Étoiles", "5 Étoiles", "5 Étoiles"),
        ("5", "", "5", "5"),
    ],
)
def test_a_quantity_as_people_write_it(amount, unit, french, english):
    assert plain(quantity(Decimal(amount), unit, language="fr")) == french
    assert plain(quantity(Decimal(amount), unit, language="en")) == english


#: Every spelling of a unit: how one and two of it are written in French, and in English.
SPELLINGS = """
o b octet octets byte bytes | 1 o, 2 o | 1 B, 2 B
ko kb kib | 1 Ko, 2 Ko | 1 KB, 2 KB
mo mb mib megabyte megabytes mégaoctet mégaoctets | 1 Mo, 2 Mo | 1 MB, 2 MB
go gb gib gigabyte gigabytes gigaoctet gigaoctets | 1 Go, 2 Go | 1 GB, 2 GB
to tb tib | 1 To, 2 To | 1 TB, 2 TB
sms | 1 SMS, 2 SMS | 1 SMS, 2 SMS
mms | 1 MMS, 2 MMS | 1 MMS, 2 MMS
s sec second seconds seconde secondes | 1 s, 2 s | 1 s, 2 s
min mn mins minute minutes | 1 min, 2 min | 1 min, 2 min
h hr hrs hour hours heure heures | 1 h, 2 h | 1 h, 2 h
jour j d jours day days | 1 jour, 2 jours | 1 day, 2 days
semaine semaines week weeks | 1 semaine, 2 semaines | 1 week, 2 weeks
mois month months | 1 mois, 2 mois | 1 month, 2 months
appel appels call calls | 1 appel, 2 appels | 1 call, 2 calls
message messages | 1 message, 2 messages | 1 message, 2 messages
point points | 1 point, 2 points | 1 point, 2 points
unité unités unite unites unit units | 1 unité, 2 unités | 1 unit, 2 units
""".strip().splitlines()


@pytest.mark.parametrize("row", SPELLINGS)
def test_each_spelling_of_a_unit_is_known(row):
    words, *languages = row.split(" | ")
    for word in words.split():
        for language, written in zip(("fr", "en"), languages, strict=True):
            found = [plain(quantity(Decimal(count), word.upper(), language=language)) for count in (1, 2)]
            assert ", ".join(found) == written
        span = {"s": 1, "min": 60, "h": 3600, "jour": 86400}.get(words.split()[0])
        assert read_span(f"2 {word}") == (span and timedelta(seconds=2 * span))


#: OmniCRM's words by any of their names, in French and in English; `same`: as it came.
CRM_WORDS = """
données internet data *data | Données | Data
donnees | same | Data
voix voice *voice | Voix | Voice
monétaire money monetary credit *monetary | Monétaire | Credit
crédit monetaire | same | Credit
sms *sms | SMS | SMS
mms | MMS | MMS
messages | Messages | Messages
roaming points | same | same
soit soi soi-même self vous-même yourself lui-même elle-même user | vous-même | you
administrateur administratrice administrator admin | Administrateur | Administrator
Zoé | same | same
""".strip().splitlines()


@pytest.mark.parametrize("row", CRM_WORDS)
def test_each_word_of_the_crms_in_the_readers_language(row):
    words, *languages = row.split(" | ")
    translated = changed_by if languages[0] == "vous-même" or "Admin" in row or "Zoé" in row else balance_type
    for word in words.split():
        for language, written in zip(("fr", "en", "de"), [*languages, languages[1]], strict=True):
            assert translated(f" {word.upper()}", language).replace(f" {word.upper()}", "same") == written
        assert is_credit(word.upper()) is (languages[1] == "Credit")


@pytest.mark.parametrize(
    ("word", "value", "is_service"),
    [("generic", "", False), (" *Generic", "", False), ("Generic points", "Generic points", False), ("Service ", "", True)],
)  # fmt: skip
def test_an_engines_word_is_left_out(word, value, is_service):
    assert (balance_type(word, "fr"), balance_type(word, "en")) == (value, value)
    assert is_ended_service(word) is is_service


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("6,2 Go", "en", "6.2 GB"), ("6,2 Go", "fr", "6,2 Go"), ("1 024 Mo", "en", "1,024 MB"), ("5 GB", "fr", "5 Go"),
        ("2 jours", "en", "2 days"), ("15 SMS", "en", "15 SMS"), ("4,20 €", "en", "€4.20"), ("beaucoup", "en", "beaucoup"),
    ],
)  # fmt: skip
def test_a_quantity_of_the_crms_gets_the_readers_unit(text, language, value):
    assert plain(respelt(text, language=language)) == value


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("5,00 €", "en", "€5.00"),
        ("1 234,50 EUR", "en", "€1,234.50"),
        ("€1,234.50", "fr", "1 234,50 €"),
        ("5,00 €", "fr", "5,00 €"),
        ("€5.00", "en", "€5.00"),
        ("5 €", "en", "5 €"),
        ("5,000 XXQ", "en", "5,000 XXQ"),
        ("5,00 XXQ", "en", "5,00 XXQ"),
        ("-0.35 EUR", "fr", "−0,35 €"),
        ("-0.35 EUR", "en", "−€0.35"),
        ("-5,00 €", "fr", "−5,00 €"),
        ("EUR 1,234.50", "fr", "1 234,50 €"),
        ("1.234,50 €", "fr", "1 234,50 €"),
        ("1.234,50 €", "en", "€1,234.50"),
        ("1.234 EUR", "fr", "1.234 EUR"),
        ("5.00", "fr", "5.00"),
        ("5.00 EUR EUR", "fr", "5.00 EUR EUR"),
        ("€5.00 EUR", "fr", "€5.00 EUR"),
    ],
)
def test_an_amount_in_the_readers_language(text, language, value):
    assert respelt(text, language=language).replace("\u00a0", " ").replace("\u202f", " ") == value


@pytest.mark.parametrize(
    ("language", "days", "value"),
    [
        ("fr", "1", "demain"),
        ("fr-ca", "3", "dans 3 jours"),
        ("en-gb", "40", "in 40 days"),
        ("de", "3", "in 3 Tagen"),
        ("pl", "5", "za 5 dni"),
        ("fr", "0", ""),
        ("fr", "bald", ""),
    ],
)
def test_when_it_is_in_any_language_that_babel_knows(language, days, value):
    assert days_left(days, language) == value


@pytest.mark.parametrize(
    ("language", "count", "value"),
    [
        ("de", "2", "2 Tage"), ("nl", "2", "2 dagen"), ("pt", "2", "2 dias"), ("pl", "5", "5 dni"),
        ("ar", "1", "يوم"), ("ar", "2", "يومان"), ("ar", "3", "3 أيام"), ("he", "2", "יומיים"), ("he", "4", "4 ימים"), ("ja", "2", "2 日"),
        ("de", "1000000", "1.000.000 Tage"), ("de", "-1", "−1 Tag"),
    ],
)  # fmt: skip
def test_a_unit_in_a_language_without_words_of_ours(language, count, value):
    assert plain(quantity(Decimal(count), "jours", language=language)) == value


def test_a_moment_without_a_sentence_of_another_language():
    moment = datetime(2026, 12, 1, 9, tzinfo=UTC)
    assert written_moment(moment, "de", ZoneInfo("Europe/Paris")) == "1.\u00a0Dezember 2026, 10:00 (Paris)"


@pytest.mark.parametrize(
    ("zone", "french", "english"),
    [
        ("Europe/Athens", "heure d\u2019Athènes", "Athens time"),
        ("Indian/Reunion", "heure de La Réunion", "Réunion time"),
        ("America/Martinique", "heure de Martinique", "Martinique time"),
        ("UTC", "UTC", "UTC"),
        ("Etc/GMT-3", "Etc/GMT-3", "Etc/GMT-3"),
    ],
)
def test_whose_clock_it_is_in_a_readers_words(zone, french, english):
    moment = datetime(2026, 12, 1, 9, tzinfo=UTC)
    assert written_moment(moment, "fr", ZoneInfo(zone)).endswith(f"({french})")
    assert written_moment(moment, "en", ZoneInfo(zone)).endswith(f"({english})")


@given(st.decimals(0, 10_000, places=2), st.sampled_from(["SMS", "Go", "min", "EUR", "jour"]))
def test_nothing_is_used_up_in_every_unit(amount, unit):
    for language in ("fr", "en"):
        written = quantity(amount, unit, language=language)
        if is_used_up(written):
            assert amount < Decimal("0.01"), "only a time may round to zero"
        if amount == 0:
            assert is_used_up(written)


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [("1 heure", "fr", "1 heure"), ("1 heure", "en", "1 hour"), ("60 min", "fr", "1 heure"), ("90 minutes", "en", "90 minutes"), ("2 days", "fr", "2 jours"), ("100 s", "fr", "2 minutes"), ("80 s", "fr", "1 minute"), ("20 s", "en", "1 minute"), ("1,5 min", "en", "2 minutes")],
)  # fmt: skip
def test_a_span_is_written_in_the_readers_language(text, language, value):
    assert written_span(read_span(text), language) == value


@pytest.mark.parametrize("text", ["", "bientôt", "15 h 30", "aujourd’hui à 15 h 30", "1", "3 lunes"])
def test_what_is_no_span_is_not_taken_for_one(text):
    assert read_span(text) is None


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("2 h", "fr", ("2 heures", "30\u00a0novembre 2026 à 12\xa0h\xa000 (heure de Paris)")),
        ("2 heures", "en", ("2 hours", "30\u00a0November 2026 at 12:00 (Paris time)")),
        ("2026-12-01T10:00", "en", ("", "1\u00a0December 2026 at 10:00 (Paris time)")),
        (" 2026-12-01T10:00+00:00 ", "en", ("", "1\u00a0December 2026 at 11:00 (Paris time)")),
        ("2026-12-01", "en", ("", "")),  # a day has no hour at which a link ends
        (" 2026-12-01 ", "en", ("", "")),
        ("0 h", "en", ("", "")),
        ("-2 h", "en", ("", "")),
        ("soon", "en", ("", "")),
        ("1800-01-01T00:00", "en", ("", "")),
    ],
)
def test_how_long_a_link_is_good_and_until_when(text, language, value):
    asked_at = datetime(2026, 11, 30, 9, tzinfo=UTC)
    assert link_expiry(text, asked_at=asked_at, language=language, zone=ZoneInfo("Europe/Paris")) == value


@pytest.mark.parametrize("amount", ["1e18", "1e20", "1e308", "-1e30", "1.7976931348623157e308"])
@pytest.mark.parametrize("unit", ["GB", "min", "EUR", "x", "jour", "mois"])
@pytest.mark.parametrize("language", ["fr", "en", "hi", "pl"])
def test_an_amount_of_any_size_is_written_out(amount, unit, language):
    assert quantity(Decimal(amount), unit, language=language)


@pytest.mark.parametrize("text", ["1,234 min", "12,345 MB", "-1,000 SMS", "250,000 GB", "1.000 h"])
@pytest.mark.parametrize("language", ["fr", "en", "de"])
def test_thousands_are_not_taken_for_decimals(text, language):
    """1,234 min was told as 1 min 14 s, and 12,345 MB to the French as 12,345 Mo, which is 12."""
    assert respelt(text, language=language) == text


@pytest.mark.parametrize(
    ("text", "value"), [("1,234 Go", "1.234 GB"), ("0,500 GB", "0,500 GB"), ("0,500 min", "30 s")]
)
def test_a_comma_that_can_only_begin_decimals_does(text, value):
    assert plain(respelt(text, language="en")) == value


@given(
    st.decimals("-1e9", "1e9", places=8),
    st.sampled_from(["Go", "SMS", "EUR", "JPY", "KWD", "CLF", "points", "pièces"]),
)
def test_what_is_measured_is_never_more_than_there_is_nor_far_from_it(amount, unit):
    text = plain(measured(amount, unit, language="en")).replace("\u2212", "-").replace(",", "")
    shown = Decimal(re.search(r"\d[\d.]*", text)[0]) * (-1 if text.startswith("-") else 1)
    digits = len(str(shown).partition(".")[2])
    assert shown <= amount
    assert amount - shown <= max(abs(amount) / 10, {"JPY": 1}.get(unit, Decimal("0.01")))
    assert digits <= 4 or abs(shown) < Decimal("0.01")


@given(
    st.decimals("0", "1e6", places=6, allow_nan=False),
    st.decimals("0", "1e6", places=6, allow_nan=False),
    st.sampled_from(["Go", "SMS", "EUR", "JPY", "KWD"]),
)
def test_what_fell_below_a_threshold_is_told_as_less_than_it(one, other, unit):
    """Of 0.124 GB and a threshold of 0.125 GB a customer read 0.12 GB, below 0.12 GB."""
    threshold = max(one, other)
    assume(one < threshold)
    told = low_variables(balance(7, amount=one, unit=unit), threshold, language="en")
    texts = [told[name].replace(",", "") for name in ("current_balance", "threshold")]
    left, below = (Decimal(re.search(r"[\d.]+", text)[0]) for text in texts)
    assert left <= one < threshold <= below


def test_a_text_that_is_too_long_for_a_quantity_stays_as_it_came():
    longest = "1" * 77 + " GB"
    assert respelt(longest, language="fr").endswith("\u202fGo")
    assert respelt("1" + longest, language="fr") == "1" + longest


@pytest.mark.parametrize(
    ("language", "subject"),
    [("fr", "Votre facture acquittée"), ("fr-CA", "Votre facture acquittée"), ("en-GB", "Your paid invoice"), ("de", "Your paid invoice")],
)  # fmt: skip
def test_a_subject_of_a_state_is_french_for_all_of_france_and_canada_and_english_for_others(
    language, subject
):
    assert state_subject(INVOICE, "paid", language) == subject + " {{var:invoice_number}}"


def test_a_service_is_over_by_the_engines_own_word_too():
    assert [is_ended_service(word) for word in ("service", "*service", " Service ", "*generic", "Données", "")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("known", "state"),
    [
        ({"days_overdue": -3, "due_date": "x"}, "before_due"), ({"days_left": 3}, "due_soon"), ({"days_overdue": 0}, "due_today"),
        ({"days_overdue": 0, "due_date": "x"}, "due_today"), ({"days_overdue": 5}, ""), ({"days_overdue": 1, "days_left": 3}, ""),
        ({"days_overdue": 5, "invoice_count": 2}, "several"), ({"days_left": 1, "invoice_count": 2}, "several_before_due"),
        ({"invoice_count": "2"}, "several_due_today"), ({"invoice_count": 1, "days_overdue": "x"}, "due_today"),
    ],
)  # fmt: skip
def test_the_state_of_a_reminder(known, state):
    assert mail_state(INVOICE_REMINDER, known) == state


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", ["0 Tage", "1 Tag", "2 Tage"]),
        ("pl", ["0 dni", "1 dzień", "2 dni"]),
        ("es", ["0 días", "1 día", "2 días"]),
    ],
)
def test_days_in_other_languages_have_the_plural_of_their_count_and_none_is_no_one(language, words):
    written = [quantity(Decimal(count), "jour", language=language) for count in range(3)]
    assert [one.replace("\u202f", " ") for one in written] == words
