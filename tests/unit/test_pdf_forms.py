"""Pages filled into a form are the pages that WeasyPrint lays out, to the last byte."""

import random
from pathlib import Path
from typing import Any

import pytest

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.json_to_pdf import InvoicePrinter
from mailworker.invoices.page_reuse import kept_forms
from tests.hostile_invoices import HOSTILE
from tests.unit.test_pdf_pages import SELLER, example

pytestmark = pytest.mark.usefixtures("frozen_garbage")

EXAMPLES = ("facture", "facture-detail", "avoir", "minimal", "invoice-reverse-charge")
WORDS = (
    "Fibre",
    "Forfait mobile 100 Go en Europe et aux États-Unis d’Amérique, appels et SMS illimités",
    "x",
    "Anticonstitutionnellement" * 4,
    "two  spaces",
    "a\u00a0b",
    "soft\u00adhyphen",
    "محمد بن علي",
    "株式会社メール",
    "Ελληνικά",
    "emoji 🎉",
    "AVAWA Te fi ffl",
    "line\nbreak",
    " edges ",
    "A<b>&\"'",
    "1 234,50",
)


@pytest.fixture(scope="module")
def settings(assets: Path) -> InvoiceSettings:
    return InvoiceSettings.model_validate({"assets": assets, "seller": SELLER})


@pytest.fixture(scope="module")
def forms(settings: InvoiceSettings) -> InvoicePrinter:
    return InvoicePrinter(settings)


@pytest.fixture(scope="module")
def layout(settings: InvoiceSettings) -> InvoicePrinter:
    """The same without forms."""
    printer = InvoicePrinter(settings)
    printer.engine.forms.fill = lambda _root: None  # type: ignore[method-assign]
    printer.engine.forms.learn = lambda _root, document: document  # type: ignore[method-assign]
    return printer


def changed(raw: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Another customer's invoice of the same sort: other words and amounts."""
    lines = [
        {key: value for key, value in one.items() if key not in ("amount", "tax_amount")}
        | {"unit_price": f"{chance.choice((1, 12, 340, 5600))}.{chance.randrange(100):02}"}
        | ({"description": chance.choice(WORDS)} if chance.random() < 0.3 else {})
        | ({"note": chance.choice(WORDS)} if "note" in one and chance.random() < 0.5 else {})
        for one in raw.get("transactions", [])
    ]
    client = raw["client"] | {"name": chance.choice(WORDS)}
    number = f"FA-{chance.randrange(10**6)}"
    kept = {key: value for key, value in raw.items() if not key.startswith(("total_", "paid_", "rounding_"))}
    whole = {"transactions": lines} if lines else {"total_amount": f"{chance.randrange(1, 900)}.10"}
    return kept | whole | {"client": client, "invoice_number": number}


CASES = {name: example(name) for name in EXAMPLES} | HOSTILE


@pytest.mark.parametrize("name", CASES)
def test_a_filled_page_is_the_laid_out_page(name: str, forms: InvoicePrinter, layout: InvoicePrinter) -> None:
    learnt, filled = (forms.print(CASES[name], language="fr") for _ in range(2))
    laid_out = layout.print(CASES[name], language="fr")
    assert learnt.pdf == filled.pdf == laid_out.pdf
    assert learnt.warnings == filled.warnings == laid_out.warnings
    chance = random.Random(name)
    for _ in range(3 if len(CASES[name].get("transactions", ())) < 50 else 0):
        raw = changed(CASES[name], chance)
        filled, laid_out = forms.print(raw, language="fr"), layout.print(raw, language="fr")
        assert filled.pdf == laid_out.pdf
        assert filled.warnings == laid_out.warnings


def test_invoices_that_differ_in_words_only_are_filled_in(settings: InvoiceSettings) -> None:
    printer = InvoicePrinter(settings)
    for number in range(5):
        raw = example("facture") | {"invoice_number": f"FA-{number}"}
        printer.print(raw, language="fr")
    assert printer.engine.forms.filled == 4


def test_no_more_forms_are_kept_than_may_be(
    settings: InvoiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_forms, "_MOST_FORMS", 2)
    monkeypatch.setattr(kept_forms, "_AT_ONCE", 1)
    printer = InvoicePrinter(settings)
    names = ("facture", "avoir", "minimal", "invoice-reverse-charge")
    for name in names * 3:
        printer.print(example(name), language="fr")
    assert printer.engine.forms.kept == 2
    assert len(printer.engine.forms.forms) == 2


def test_forms_hold_no_more_than_may_be(settings: InvoiceSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    printer = InvoicePrinter(settings)
    forms = printer.engine.forms
    printer.print(example("facture"), language="fr")
    monkeypatch.setattr(kept_forms, "_MOST_PARTS", forms.parts + 1)
    for name in ("avoir", "minimal", "facture", "avoir"):
        printer.print(example(name), language="fr")
        held = sum(form.parts for several in forms.forms.values() for form in several)
        assert (forms.parts, forms.kept) == (held, sum(map(len, forms.forms.values())))
        assert 0 < held <= kept_forms._MOST_PARTS
    assert forms.filled == 0  # each came after the other had gone


def test_a_page_of_too_many_texts_becomes_no_form(
    settings: InvoiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_forms, "_MOST_TEXTS", 20)
    printer = InvoicePrinter(settings)
    for _ in range(3):
        printer.print(example("facture"), language="fr")
    assert printer.engine.forms.kept == 0
