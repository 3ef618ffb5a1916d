"""The queries that give a whole invoice, in the names of OmniCRM's own invoice templates.

`total_amount` there is before tax, with `total_tax` beside it (manual, "payments and invoices").
"""

from mailworker.config.omnicrm import OmnicrmSettings
from mailworker.crm.omnicrm.probe import Schema
from mailworker.crm.omnicrm.sql_expressions import (
    attribute,
    best_email,
    column,
    first_site,
    invoice_currency,
    invoice_number,
    invoice_status,
    link,
    not_voided,
    of_customer,
    selected,
    tax,
    transactions_sum,
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
    address, site = first_site(schema, customer, _ADDRESS)
    cost = schema.of("t", "transaction.cost")
    columns = {
        "invoice_id": key,
        "invoice_number": invoice_number(schema),
        "date": schema.of("i", "invoice.created"),
        "due_date": schema.of("i", "invoice.due"),
        "start_date": column(schema, "i", "invoice.starts"),
        "end_date": column(schema, "i", "invoice.ends"),
        "status": invoice_status(schema),
        "currency": invoice_currency(schema, settings),
        "total_amount": transactions_sum(schema, (cost,), settings),
        "total_tax": transactions_sum(schema, (tax(schema),), settings),
        "customer_id": customer,
        "client_name": schema.of("c", "customer.name"),
        "client_email": best_email(schema, settings, customer),
        "client_vat_id": column(schema, "c", "customer.tax"),
        "language": attribute(schema, settings.attributes.language, customer),
        "pay_url": link(schema, settings.pay_url),
        "invoice_url": link(schema, settings.invoice_url),
        **address,
    }
    return (
        f"SELECT {selected(columns)}\nFROM {schema.table('invoice')} i\n{of_customer(schema, customer)}{site}"
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
    return f"SELECT {selected(columns)}\nFROM {schema.table('transaction')} t\nWHERE {not_voided(schema)}"
