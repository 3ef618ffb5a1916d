"""The `invoice:` block."""

from typing import Any

import pytest
from pydantic import ValidationError

from mailworker.config.invoice import InvoiceSettings, LimitSettings, SellerSettings


def test_an_empty_block_works() -> None:
    settings = InvoiceSettings.model_validate({})
    assert (settings.template_filename, settings.oversize, settings.store) == (
        "invoice.html",
        "link",
        "var/invoices",
    )


@pytest.mark.parametrize("section", [InvoiceSettings, SellerSettings, LimitSettings])
def test_every_key_says_what_it_is_for(section: Any) -> None:
    assert [name for name, field in section.model_fields.items() if not field.description] == []


def test_settings_survive_the_way_to_the_rendering_process() -> None:
    seller = {"name": "A", "iban": "fr76 3000", "address": "1 rue A\n69001 Lyon"}
    settings = InvoiceSettings.model_validate({"seller": seller, "template_dir": "x"})
    assert InvoiceSettings.model_validate_json(settings.model_dump_json()) == settings
    assert (settings.seller.iban, settings.seller.address) == ("FR763000", ("1 rue A", "69001 Lyon"))


IDENTIFIERS = ("iban", "bic", "vat_id", "siren", "creditor_id", "exemption_code")


@pytest.mark.parametrize("name", IDENTIFIERS)
def test_an_identifier_without_a_value_is_none_and_never_printed(name: str) -> None:
    """In YAML a key with nothing behind it is null."""
    assert getattr(SellerSettings.model_validate({name: None}), name) == ""


@pytest.mark.parametrize("name", IDENTIFIERS)
@pytest.mark.parametrize("value", [True, ["FR76"], {"a": 1}, 1.5])
def test_an_identifier_is_a_text_or_a_whole_number(name: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=name):
        SellerSettings.model_validate({name: value})
    assert getattr(SellerSettings.model_validate({name: 552100554}), name) == "552100554"


@pytest.mark.parametrize(
    "wrong",
    [
        {"template_filename": "../other.html"},
        {"template_filename": "/etc/passwd"},
        {"detail_template_filename": "a/../../b.html"},
        {"oversize": "drop"},
        {"e_invoice": "zugferd"},
        {"currency": "euro"},
        {"limits": {"seconds": 0}},
        {"limits": {"memory_bytes": 1000}},
        {"seller": {"siren": "12345"}},
        {"seller": {"colour": "red;}"}},
        {"tempalte_filename": "x.html"},
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        InvoiceSettings.model_validate(wrong)
