"""Never silently invalid: a drawn invoice is refused with a sentence, or valid by every official rule."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import BadInput
from mailworker.invoices.code_lists import FRENCH
from mailworker.invoices.facturx_xml import CiiWriter
from mailworker.invoices.from_json.invoice import read_invoice
from mailworker.invoices.languages.locale_format import page_format
from tests.invoice_drawing import invoices
from tests.invoice_drawing import settings as drawn_settings
from tests.official_rules import OfficialRules, official_rules

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def rules() -> Iterator[OfficialRules]:
    with official_rules() as compiled:
        yield compiled


@pytest.mark.timeout(600)  # minutes on a busy host: four schematrons over each
@settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to make a failure smaller takes minutes
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(raw=invoices(), block=drawn_settings())
def test_a_drawn_invoice_is_refused_or_valid(
    rules: OfficialRules, raw: dict[str, Any], block: dict[str, Any]
) -> None:
    chosen = InvoiceSettings.model_validate(block)
    try:
        invoice = read_invoice(raw, chosen)
    except BadInput as refused:
        event("refused")
        event(f"because {refused.faults[0][:60]}")
        return
    event("valid")
    xml = CiiWriter(chosen).write(invoice, page_format(invoice.language))
    assert rules.broken(xml, profile=chosen.profile, french=chosen.seller.country in FRENCH) == []
