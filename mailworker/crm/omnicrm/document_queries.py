"""The queries that give a whole invoice, in the names of OmniCRM's own invoice templates.

`total_amount` there is before tax, with `total_tax` beside it (manual, "payments and invoices").
"""

# ruff: noqa: S608 - the names are the database's own, quoted; the operator's texts are literals of `literal`

from mailworker.config.omnicrm import OmnicrmSettings
from mailworker.core.currency import minor_units
from mailworker.crm.omnicrm.probe import Schema
from mailworker.crm.omnicrm.sql_expressions import (
    attribute,
    best_email,
    column,
    first_site,
    link,
    selected,
)

_ADDRESS = {
    "client_address_line_1": "site.line1",
    "client_address_line_2": "site.line2",
    "client_city": "site.city",
    "client_state": "site.state",
    "client_zip_code": "site.postcode",
    "client_country": "site.country",
}


def invoice_document(schema: Schema, settings: OmnicrmSettings) -> str:
    """An invoice's head, with the customer as `client_...`."""
    key, customer = schema.of("i", "invoice.id"), schema.of("i", "invoice.customer")
    number = column(schema, "i", "invoice.number")
    digits = minor_units(settings.currency)
    has_site = not schema.missing(("site.id", "site.customer"))
    columns = {
        "invoice_id": key,
        "invoice_number": f"COALESCE({number}, CAST({key} AS CHAR))" if number else f"CAST({key} AS CHAR)",
        "date": schema.of("i", "invoice.created"),
        "due_date": schema.of("i", "invoice.due"),
        "start_date": column(schema, "i", "invoice.starts"),
        "end_date": column(schema, "i", "invoice.ends"),
        "currency": f"'{settings.currency}'",
        "total_amount": _sum(schema, key, "transaction.cost", digits),
        "total_tax": _sum(schema, key, "transaction.tax", digits),
        "client_name": schema.of("c", "customer.name"),
        "client_email": best_email(schema, settings, customer),
        "client_vat_id": column(schema, "c", "customer.tax"),
        "language": attribute(schema, settings.attributes.language, customer),
        "pay_url": link(settings.pay_url, "i", schema, "invoice") if settings.pay_url else None,
        "invoice_url": link(settings.invoice_url, "i", schema, "invoice") if settings.invoice_url else None,
    }
    if has_site:
        columns |= {name: column(schema, "s", word) for name, word in _ADDRESS.items()}
    site = f"\n{first_site(schema, customer)}" if has_site else ""
    return (
        f"SELECT {selected(columns)}\nFROM {schema.table('invoice')} i\n"
        f"JOIN {schema.table('customer')} c ON {schema.of('c', 'customer.id')} = {customer}{site}"
    )


def invoice_lines(schema: Schema, _settings: OmnicrmSettings) -> str:
    """An invoice's transactions, without those that were voided."""
    key, title = schema.of("t", "transaction.id"), column(schema, "t", "transaction.title")
    description = column(schema, "t", "transaction.description")
    columns = {
        "invoice_id": schema.of("t", "transaction.invoice"),
        "position": key,
        "transaction_id": key,
        "title": title,
        "description": description or title or f"CAST({key} AS CHAR)",
        "retail_cost": schema.of("t", "transaction.cost"),
        "tax_amount": schema.of("t", "transaction.tax"),
        "tax_percentage": column(schema, "t", "transaction.rate"),
        "created": column(schema, "t", "transaction.created"),
    }
    return (
        f"SELECT {selected(columns)}\nFROM {schema.table('transaction')} t\n"
        f"WHERE COALESCE({schema.of('t', 'transaction.void')}, 0) = 0"
    )


def _sum(schema: Schema, invoice: str, word: str, digits: int) -> str:
    value = schema.of("t", word)
    return (
        f"(SELECT ROUND(COALESCE(SUM({value}), 0), {digits}) FROM {schema.table('transaction')} t"
        f" WHERE {schema.of('t', 'transaction.invoice')} = {invoice}"
        f" AND COALESCE({schema.of('t', 'transaction.void')}, 0) = 0)"
    )
