"""Every label that our templates print; each language translates them in a TOML file of its own."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Translation(NamedTuple):
    """The labels of one language. Templates write `{{ w.due }}`."""

    language: str
    #: Kinds of document, by their code of UNTDID 1001.
    titles: dict[str, str]
    issued: str
    due_by: str
    period: str
    period_to: str
    customer: str
    order: str
    sales_order: str
    tender: str
    invoiced_object: str
    despatch: str
    receipt: str
    accounting: str
    document: str
    payee: str
    tax_representative: str
    your_company_id: str
    corrects: str
    corrects_on: str
    buyer_reference: str
    contract: str
    project: str
    delivered_to: str
    delivered_on: str
    operation: str
    #: What is sold, by `Operation`.
    operations: dict[str, str]
    tax_point: str
    attention: str
    your_siren: str
    your_vat_id: str
    amount_due: str
    amount_credited: str
    balance_for_you: str
    debited_on: str
    description: str
    quantity: str
    #: How units are written that came as codes of UN/ECE Recommendation 20.
    units: dict[str, str]
    unit_price: str
    rate: str
    amount: str
    amount_with_tax: str
    discount: str
    charge: str
    price_before_discount: str
    line: str
    per: str
    subtotal: str
    net: str
    tax: str
    gross: str
    paid: str
    rounding: str
    vat_title: str
    vat_rate: str
    vat_basis: str
    vat_amount: str
    vat_in_books: str
    vat_on_debits: str
    how_to_pay: str
    by_transfer: str
    by_debit: str
    debit_account: str
    mandate: str
    creditor: str
    other_means: str
    another_means: str
    means: dict[str, str]
    reference: str
    online: str
    pay_here: str
    scan_sepa: str
    scan_link: str
    code_alt: str
    nothing_due: str
    nothing_to_pay: str
    all_services: str
    late: str
    late_rate: str
    late_rate_public: str
    recovery_fee: str
    no_discount: str
    contact_short: str
    customer_service: str
    vat_id: str
    page: str
    of: str
    detail: str
    detail_online: str
    detail_online_one: str
    when: str
    service: str
    party: str
    volume: str
    carried: str
    carry: str
    detail_total: str
    line_total: str
    #: Why no VAT is charged, by `VatCategory`; of plain exemption below.
    exemptions: dict[str, str]
    exempt: str
    franchise: str
    no_vat_overseas: str


@cache
def read_translation(name: str) -> Translation:
    """The labels in `NAME.toml` of this folder. TypeError for one that lacks there, or that nobody prints."""
    return Translation(**tomllib.loads((files(__package__) / f"{name}.toml").read_text("utf-8")))
