"""How amounts, dates and call detail stand on a page: each form in each language, and every page with its sums."""

import re
from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.errors import TooLarge
from mailworker.invoices.attachment_size import fit, message_size
from mailworker.invoices.from_json.call_detail import usage_of
from mailworker.invoices.from_json.fields import InvoiceFields
from mailworker.invoices.languages.locale_format import locale_format, page_format
from mailworker.invoices.model import Usage
from mailworker.invoices.money import parse_decimal, round_half_up, vat_of
from mailworker.invoices.page.call_detail import ROWS_PER_SHEET, WIDTHS, height_rules, sheets_of, when_text
from mailworker.invoices.page.quantity_text import quantity_text, volume_text

N, B, M = "\u202f", "\u00a0", "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("tag", "language", "locale"),
    [
        ("fr", "fr", "fr_FR"), ("FR", "fr", "fr_FR"), ("", "fr", "fr_FR"), (" fr-CA ", "fr", "fr_CA"), ("en", "en", "en_GB"),
        ("en_US", "en", "en_US"), ("de", "en", "de"), ("xx", "en", "en_GB"), ("no such", "en", "en_GB"),
    ],
)  # fmt: skip
def test_a_tag_gives_words_and_a_way_to_write(tag, language, locale):
    fmt = locale_format(tag)
    assert (fmt.language, str(fmt.locale)) == (language, locale)
    assert str(page_format(tag).locale) == ("en_GB" if locale == "de" else locale)


@pytest.mark.parametrize(
    ("tag", "method", "given", "text"),
    [
        ("fr", "money", (Decimal("1234.5"), "EUR"), f"1{N}234,50{B}€"),
        ("fr", "money", (Decimal(-1), "EUR"), f"{M}1,00{B}€"),
        ("en", "money", (Decimal("-1234.5"), "EUR"), f"{M}€1,234.50"),
        ("fr", "plain", (Decimal("-1234567.5"), "EUR"), f"{M}1{N}234{N}567,50"),
        ("en", "plain", (Decimal("1234.567"), "TND"), "1,234.567"),
        ("de", "plain", (Decimal("1234.5"), "EUR"), "1.234,50"),
        ("en-IN", "plain", (Decimal(-1234567), "INR"), f"{M}12,34,567.00"),
        ("fr", "price", (Decimal("0.00012345"), "EUR"), "0,00012345"),
        ("fr", "price", (Decimal("0.000123456"), "EUR"), "0,00012346"),
        ("fr", "price", (Decimal(1234), "EUR"), f"1{N}234,00"),
        ("en", "price", (Decimal(7), "JPY"), "7"),
        ("en", "price", (Decimal("7.123456789"), "JPY"), "7.12345679"),
        ("en", "price", (Decimal(-7), "TND"), f"{M}7.000"),
        ("fr", "number", (Decimal("1234.50"),), f"1{N}234,5"),
        ("fr", "number", (Decimal(-3),), f"{M}3"),
        ("en", "number", (Decimal("0.123456789"),), "0.12345679"),
        ("fr", "rate", (Decimal("5.5"),), f"5,5{N}%"),
        ("en", "rate", (Decimal("20.0"),), "20%"),
        ("de", "rate", (Decimal("5.5"),), "5,5%"),
        ("fr", "country", ("DE",), "ALLEMAGNE"),
        ("fr", "country", ("Atlantis",), "ATLANTIS"),
        ("fr", "day", (date(2026, 2, 1),), "1er février 2026"),
        ("fr", "day", (date(2026, 2, 11),), "11 février 2026"),
        ("en", "day", (date(2026, 2, 1),), "1 February 2026"),
        ("fr", "short_day", (date(2026, 1, 31),), "31/01/2026"),
        ("en-US", "short_day", (date(2026, 1, 31),), "1/31/2026"),
    ],
)  # fmt: skip
def test_a_value_as_a_language_writes_it(tag, method, given, text):
    assert getattr(locale_format(tag), method)(*given) == text


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("999999999999999.9999999999", "999999999999999.9999999999"), ("1e15", None), ("-1e15", None), ("1e14", "1E+14"),
        ("0.1234567890", "0.1234567890"), ("0.12345678901", None), ("0.12345678900", "0.1234567890"),
        (0.12345678901, None), (0.1234567890123456, "0.123456789"), (123456.123456789012, "123456.123456789"), (1.00000000001, None), (Decimal("2.50"), "2.50"),
    ],
)  # fmt: skip
def test_how_many_digits_a_number_may_have(given, found):
    if found is None:
        with pytest.raises(ValueError, match="must"):
            parse_decimal(given)
    else:
        assert str(parse_decimal(given)) == found


def test_no_zero_has_a_minus():
    assert str(round_half_up(Decimal("-0.001"), 2)) == "0.00"
    assert str(round_half_up(Decimal("-0.005"), 2)) == "-0.01"
    assert str(vat_of(Decimal("0.125"), Decimal(20), 3)) == "0.025"


FMT = locale_format("en")


def usage(number, account="", amount="1.00"):
    return Usage("2026-01-31T09:15:02", "Call", f"06{number:08}", "0:09", Decimal(amount), account)


def sheets(*rows):
    return list(sheets_of(SimpleNamespace(usage=rows, currency="EUR"), FMT))


def lines_of(sheet):
    return "".join(text for _, text in sheet.parts).splitlines()


@pytest.mark.parametrize(
    ("rows", "pages"), [(0, []), (1, [1]), (62, [62]), (63, [62, 1]), (124, [62, 62]), (125, [62, 62, 1])]
)
def test_pages_carry_their_sums(rows, pages):
    found = sheets(*(usage(number) for number in range(rows)))
    assert [sheet.rows for sheet in found] == [len(lines_of(sheet)) for sheet in found] == pages
    assert ROWS_PER_SHEET == 62
    for number, sheet in enumerate(found):
        first, last = number == 0, number == len(found) - 1
        assert bool(sheet.carried) is not first
        assert bool(sheet.carry) is not last
        assert sheet.total == (f"€{rows:.2f}" if last else "")
        assert first or sheet.carried.endswith(f"{62 * number:.2f}")
        assert last or sheet.carry.endswith(f"{62 * (number + 1):.2f}")
        # The sum stands right under the last row: no tint may cover it.
        assert [10 * number + band <= sheet.rows for number, band in enumerate(sheet.bands)] == [True] * len(
            sheet.bands
        )
        assert len(sheet.bands) == -(-sheet.rows // 10)
        assert set(sheet.bands[:-1]) <= {5}
        assert len(sheet.head) == sum(WIDTHS)


def test_a_row_stands_in_its_columns():
    (sheet,) = sheets(usage(1))
    (line,) = lines_of(sheet)
    assert (
        line
        == "31/01/2026 09:15  " + f"{'Call':<28}" + f"{'0600000001':<32}" + f"{'0:09':>16}" + f"{'1.00':>13}"
    )
    long = Usage("w" * 40, "s" * 40, "p" * 40, "v" * 40, Decimal(1), "")
    (line,) = lines_of(sheets(long)[0])
    assert line == "w" * 17 + " " + "s" * 27 + " " + "p" * 31 + " " + "v" * 16 + f"{'1.00':>13}"


def test_each_account_has_a_heading_and_a_subtotal():
    (sheet,) = sheets(usage(1, "a"), usage(2, "a", "2.50"), usage(3, "b"), usage(4), usage(5, "a"))
    marked = [text.strip().splitlines() for mark, text in sheet.parts if mark]
    words = [" ".join(line.split()) for part in marked for line in part if line.strip()]
    total = FMT.labels.line_total
    assert words == ["a", f"{total} a 3.50", "b", f"{total} b 1.00", "a", f"{total} a 1.00"]
    assert [mark for mark, _ in sheet.parts] == [True, False, True, False, True, False, True, False, True]
    assert sheet.total == "€6.50"


@given(st.lists(st.sampled_from(["", "a", "b"]), max_size=150))
def test_every_row_is_printed_once_and_the_last_sum_is_all(accounts):
    found = sheets(*(usage(number, account) for number, account in enumerate(accounts)))
    printed = [line for sheet in found for line in lines_of(sheet) if " 06" in line]
    assert len(printed) == len(accounts)
    assert not found or found[-1].total == f"€{len(accounts):.2f}"


@pytest.mark.parametrize(
    ("given", "text"),
    [("2026-01-31T09:15:02", "31/01/2026 09:15"), ("2026-01-31", "31/01/2026"), ("2026-01-3", "2026-01-3"), ("2026/01/31", "2026/01/31"), ("2026-01/31", "2026-01/31"), ("yesterday", "yesterday")],
)  # fmt: skip
def test_when_a_call_was(given, text):
    assert when_text(given) == text


def test_heights_for_every_block():
    rules = height_rules()
    assert rules.startswith(".n1{height:10.4pt}.n2{height:20.8pt}")
    assert rules.endswith(".n62{height:644.8pt}")


def test_what_a_message_weighs_around_its_pdf():
    assert message_size(4, 7) == 8 + 207


def pdf(size):
    return SimpleNamespace(pdf=b"x" * size)


def test_a_smaller_pdf_is_made_only_where_it_is_needed():
    made = []

    def shrink():
        made.append(1)
        return pdf(3)

    full = pdf(6)
    assert fit(full, shrink, others=0, limit=208, policy="fail").attachment is full
    assert made == []
    found = fit(full, shrink, others=0, limit=204, policy="fail")
    assert (len(found.attachment.pdf), found.note) == (3, "The PDF was made smaller, from 6 to 3 bytes.")
    found = fit(full, shrink, others=0, limit=203, policy="link")
    assert (found.attachment, found.note) == (
        None,
        "The message would have 204 bytes, the most is 203: sent with the link instead.",
    )
    with pytest.raises(TooLarge, match="would have 204 bytes with its invoice; the most is 203"):
        fit(full, shrink, others=0, limit=203, policy="fail")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_heading_of_the_call_detail_is_cut(language):
    labels = locale_format(language).labels
    (sheet,) = sheets_of(SimpleNamespace(usage=[usage(1)], currency="EUR"), locale_format(language))
    assert all(
        word in sheet.head
        for word in (labels.when, labels.service, labels.party, labels.volume, labels.amount)
    )


@pytest.mark.parametrize(
    ("amount", "unit", "french", "english"),
    [
        ("1", "mois", "1 mois", "1 month"),
        ("2.5", "jours", "2,5 jours", "2.5 days"),
        ("3", "months", "3 mois", "3 months"),
        ("2.5", "days", "2,5 jours", "2.5 days"),
        ("12", "Go", "12 Go", "12 GB"),
        ("12", "GB", "12 Go", "12 GB"),
        ("3", "heures", "3 heures", "3 h"),
        ("1000", "SMS", "1 000 SMS", "1,000 SMS"),
        ("1", "forfait", "1 forfait", "1 lump sum"),
        ("4", "unités", "4 unités", "4"),
        ("4", "", "4", "4"),
        ("2", "MON", "2 mois", "2 mo"),
        ("2", "boîtes", "2 boîtes", "2 boîtes"),
    ],
)
def test_a_unit_is_told_in_the_pages_language(amount, unit, french, english):
    written = [quantity_text(Decimal(amount), unit, locale_format(one)) for one in ("fr", "en")]
    assert [re.sub(r"\s", " ", text) for text in written] == [french, english]


@pytest.mark.parametrize(
    ("given", "french", "english"),
    [
        ({"quantity": 2.5, "unit": "Mo"}, "2,5 Mo", "2.5 MB"),
        ({"quantity": "54 Mo"}, "54 Mo", "54 MB"),
        ({"quantity": "1,5 Go"}, "1,5 Go", "1.5 GB"),
        ({"quantity": 1}, "1", "1"),
        ({"quantity": "1 session, 3 Mo"}, "1 session, 3 Mo", "1 session, 3 Mo"),
        ({"duration": 3662}, "1:01:02", "1:01:02"),
        ({}, "", ""),
    ],
)
def test_what_a_call_or_session_took_is_told_with_its_unit(given, french, english):
    row = usage_of(InvoiceFields({"amount": "0.01", **given}, []))
    assert [re.sub(r"\s", " ", volume_text(row.volume, locale_format(one))) for one in ("fr", "en")] == [
        french,
        english,
    ]
