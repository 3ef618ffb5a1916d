"""Which keys an invoice's JSON may have: a key that nobody reads is warned of, with the one meant."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mailworker.core.did_you_mean import did_you_mean

_ADDRESS = """
    address addresses address_line_1 address_line1 address_line_2 address_line2 address_line_3 street postcode
    zip_code zip postal_code city state region province country country_code
"""
_TAX = "tax_rate tax_percentage vat_rate tax_category exemption_reason exemption_code"
#: What is known, by the kind of object. Names that OmniCRM gives and no page needs stand after the |.
_KNOWN = {
    "": f"""
        invoice_number date due_date start_date end_date total_amount total_tax paid_amount rounding_amount
        currency language type credit_note corrects client customer_account_type transactions
        transaction_list
        discounts allowances charges usage calls cdrs reverse_charge operation vat_on_debits tax_currency
        exchange_rate total_tax_in_tax_currency payment_method payment_methods payment_means direct_debit
        payment_terms purchase_order order_number buyer_reference service_code contract
        contract_number project sales_order receiving_advice despatch_advice tender invoiced_object
        accounting_reference documents payee tax_point_date payment_reference
        delivery_address delivery delivery_date full_call_numbers notes note invoice_url pay_url {_TAX}
        | invoice_id customer_id customer_name created status paid void proforma title description email
        retail_cost wholesale_cost tax_identifier
    """,
    "client": f"""
        name email customer_number number client_id customer_id vat_id vat_number tax_identifier
        siren siret company_id kind trading_name contact phone
        customer_account_type account_type type electronic_address {_ADDRESS}
        | id contacts customer_name customer_status customer_payment_type language
    """,
    "client.address": f"{_ADDRESS} | id site_id name latitude longitude",
    "delivery": f"name date location_id {_ADDRESS} | id site_id",
    "transactions": f"""
        description title name note quantity unit unit_price price_base_quantity discount
        discount_reason charge charge_reason discounts allowances charges gross_price price_discount amount
        retail_cost tax_amount start_date end_date date created item product_slug product_id line account
        phone_number msisdn section operation void gtin buyer_product_id classifications attributes
        origin_country order_line accounting_reference {_TAX}
        | transaction_id id invoice_id customer_id service_id service_uuid site_id wholesale_cost
        product_name
        service_name service_type category modified
    """,
    "discounts": f"description reason title amount percent base_amount reason_code {_TAX} | id",
    "corrects": "invoice_number number date | invoice_id",
    "payee": "name siren iban bic | id",
    "documents": "id number description name url content data file attachment base64",
    "invoiced_object": "id scheme",
    "payment": "method name code type text card card_holder mandate mandate_id rum iban date debit_date",
    "classifications": "code scheme version",
    "direct_debit": "mandate mandate_id rum iban date debit_date | id",
}
_SETS = {kind: frozenset(names.replace("|", " ").split()) for kind, names in _KNOWN.items()}
#: Objects and rows inside, and the kind of object that each is. Usage rows may be thousands: not looked at.
_ALLOWANCES = dict.fromkeys(("discounts", "allowances", "charges"), "discounts")
_NAMED = "client delivery corrects direct_debit payee documents invoiced_object transactions"
_INSIDE = {
    "": {name: name for name in _NAMED.split()}
    | {"transaction_list": "transactions", "delivery_address": "delivery"}
    | _ALLOWANCES
    | dict.fromkeys(("payment_method", "payment_methods", "payment_means"), "payment"),
    "client": {"address": "client.address", "addresses": "client.address"},
    "delivery": {"address": "client.address"},
    "transactions": _ALLOWANCES | {"classifications": "classifications"},
}


def unknown_keys(raw: Mapping[str, Any]) -> list[str]:
    """One sentence for each key that nothing reads, with its nearest; a key of many rows is named once."""
    return list(_unknown([raw], "", ""))


def _unknown(rows: Iterable[Mapping[str, Any]], kind: str, where: str) -> Iterator[str]:
    known, inside = _SETS[kind], _INSIDE.get(kind, {})
    values: dict[str, list[Any]] = {}
    for row in rows:
        for key, value in row.items():
            values.setdefault(key, []).append(value)
    for key, several in values.items():
        if key not in known:
            yield f"{where}{key} is not a field that mailworker reads{did_you_mean(str(key), known) or '.'}"
        elif key in inside:
            listed = [value for value in several if isinstance(value, list)]
            below = [one for value in listed for one in value] or several
            objects = [one for one in below if isinstance(one, Mapping)]
            yield from _unknown(objects, inside[key], f"{where}{key}{'[]' if listed else ''}.")
