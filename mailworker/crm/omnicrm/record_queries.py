"""The queries that answer our questions from OmniCRM's tables, made of what the probe found."""

# ruff: noqa: S608 - the names are the database's own, quoted; the operator's texts are literals of `literal`

from collections.abc import Callable
from dataclasses import dataclass, field

from mailworker.config.crm import Question
from mailworker.config.omnicrm import OmnicrmSettings
from mailworker.crm.omnicrm.document_queries import invoice_document, invoice_lines
from mailworker.crm.omnicrm.probe import Schema
from mailworker.crm.omnicrm.sql_expressions import (
    attribute,
    best_email,
    column,
    contact_name,
    first_site,
    gone,
    invoice_currency,
    invoice_number,
    invoice_status,
    is_no,
    link,
    of_customer,
    selected,
    tax,
    transactions_sum,
)

_CUSTOMER = ("customer.id", "customer.name")
_CONTACT = ("contact.id", "contact.customer", "contact.email")
_TRANSACTION = ("transaction.invoice", "transaction.cost", "transaction.tax", "transaction.void")
_INVOICE = ("invoice.id", "invoice.customer", "invoice.due", *_TRANSACTION, *_CUSTOMER, *_CONTACT)
#: One of these must show whether an invoice is paid.
_PAID = ("invoice.paid", "invoice.paid_on", "invoice.status")

#: What each question needs; what else a query uses is left out where the database does not have it.
NEEDS: dict[Question, tuple[str, ...]] = {
    "open_invoices": _INVOICE,
    "invoices": _INVOICE,
    "customers": _CUSTOMER,
    "changed_customers": (*_CUSTOMER, "customer.updated"),
    "contacts": (*_CONTACT, *_CUSTOMER),
    "exclusions": _CUSTOMER,
    "invoice_document": (*_INVOICE, "invoice.created"),
    "invoice_lines": (*_TRANSACTION, "transaction.id"),
    "services": ("service.id", "service.uuid", "service.customer", *_CUSTOMER, *_CONTACT),
}
_ADDRESS = {"city": "site.city", "postal_code": "site.postcode", "country": "site.country"}
#: This one is not reported where it cannot be made: all customers are read instead.
_SILENT: frozenset[Question] = frozenset({"changed_customers"})


@dataclass(frozen=True, slots=True)
class Queries:
    """SQL by question, and for each question that cannot be asked what is missing for it."""

    sql: dict[Question, str] = field(default_factory=dict)
    faults: dict[Question, str] = field(default_factory=dict)


def queries_of(schema: Schema, settings: OmnicrmSettings) -> Queries:
    """All queries that this schema can answer."""
    made = Queries()
    for question, words in NEEDS.items():
        missing = schema.missing(words)
        if words is _INVOICE and "invoice" in schema and not any(word in schema for word in _PAID):
            missing += [" or ".join(schema.missing((word,))[0] for word in _PAID)]
        if not missing:
            made.sql[question] = _WRITERS[question](schema, settings)
        elif question not in _SILENT:
            made.faults[question] = (
                f"OmniCRM's database has not what {question} needs: {'; '.join(missing)}. "
                f"Write crm.sql.queries.{question} yourself; `mailworker crm queries` prints the others."
            )
    return made


def _invoices(schema: Schema, settings: OmnicrmSettings, *, orphans: bool = False) -> str:
    """`orphans` are invoices whose customer is gone: without a name they cannot be read, and are counted."""
    key, customer = schema.of("i", "invoice.id"), schema.of("i", "invoice.customer")
    status, names = invoice_status(schema), settings.attributes
    cost = schema.of("t", "transaction.cost")
    sum_ = transactions_sum(schema, (cost, tax(schema)), settings)
    columns = {
        "invoice_id": key,
        "customer_id": customer,
        "status": status,
        "due_date": schema.of("i", "invoice.due"),
        "issue_date": f"DATE({schema.of('i', 'invoice.created')})" if "invoice.created" in schema else None,
        "currency": invoice_currency(schema, settings),
        "total": sum_,
        "owed": f"CASE WHEN {status} IN ('paid', 'cancelled') THEN 0 ELSE {sum_} END",
        "number": invoice_number(schema),
        "email": best_email(schema, settings, customer),
        "customer_name": schema.of("c", "customer.name"),
        "language": attribute(schema, names.language, customer),
        "timezone": attribute(schema, names.timezone, customer),
        "pay_url": link(schema, settings.pay_url),
        "invoice_url": link(schema, settings.invoice_url),
    }
    join = f"{'LEFT ' if orphans else ''}{of_customer(schema, customer)}"
    return f"SELECT {selected(columns)}\nFROM {schema.table('invoice')} i\n{join}"


def _open_invoices(schema: Schema, settings: OmnicrmSettings) -> str:
    status = invoice_status(schema)
    return f"{_invoices(schema, settings, orphans=True)}\nWHERE {status} NOT IN ('paid', 'cancelled')"


def _customers(schema: Schema, settings: OmnicrmSettings) -> str:
    key, names = schema.of("c", "customer.id"), settings.attributes
    fields = {
        word: column(schema, "c", f"customer.{word}") for word in ("account_type", "status", "payment_type")
    }
    fields |= {name: attribute(schema, name, key) for name in (names.marketing, *names.custom_fields) if name}
    pairs = ", ".join(f"'{name}', {value}" for name, value in fields.items() if value)
    address, site = first_site(schema, key, _ADDRESS)
    columns = {
        "customer_id": key,
        "name": schema.of("c", "customer.name"),
        **address,
        "language": attribute(schema, names.language, key),
        "timezone": attribute(schema, names.timezone, key),
        "custom_fields": f"JSON_OBJECT({pairs})" if pairs else None,
        "updated_at": column(schema, "c", "customer.updated"),
    }
    return f"SELECT {selected(columns)}\nFROM {schema.table('customer')} c{site}\nWHERE NOT {gone(schema)}"


def _changed_customers(schema: Schema, settings: OmnicrmSettings) -> str:
    changed = [f"{schema.of('c', 'customer.updated')} >= :updated_since"]
    if not schema.missing(("contact.updated", "contact.customer")):
        changed.append(
            f"{schema.of('c', 'customer.id')} IN (SELECT {schema.of('n', 'contact.customer')} FROM"
            f" {schema.table('contact')} n WHERE {schema.of('n', 'contact.updated')} >= :updated_since)"
        )
    return f"{_customers(schema, settings)}\n  AND ({' OR '.join(changed)})"


def _contacts(schema: Schema, _settings: OmnicrmSettings) -> str:
    columns = {
        "contact_id": schema.of("p", "contact.id"),
        "customer_id": schema.of("p", "contact.customer"),
        "name": contact_name(schema),
        "email": schema.of("p", "contact.email"),
        "contact_type": column(schema, "p", "contact.types"),
        "updated_at": column(schema, "p", "contact.updated"),
    }
    # A contact without an address is no fault: OmniCRM keeps people who only have a telephone.
    email = schema.of("p", "contact.email")
    return f"SELECT {selected(columns)}\nFROM {schema.table('contact')} p\nWHERE TRIM({email}) <> ''"


def _exclusions(schema: Schema, settings: OmnicrmSettings) -> str:
    key, closed = schema.of("c", "customer.id"), gone(schema)
    wish = attribute(schema, settings.attributes.reminders, key)
    refuses = f"COALESCE({is_no(wish)}, 0)" if wish else "0"
    reason = f"CASE WHEN {closed} THEN 'closed, archived or not enabled' ELSE 'asked not to be reminded' END"
    return (
        f"SELECT {key} AS customer_id,\n       {reason} AS reason\n"
        f"FROM {schema.table('customer')} c\nWHERE {closed} OR {refuses}"
    )


def _services(schema: Schema, settings: OmnicrmSettings) -> str:
    customer, names = schema.of("s", "service.customer"), settings.attributes
    has_product = not schema.missing(("product.id", "service.product"))
    product = column(schema, "d", "product.name") if has_product else None
    name = column(schema, "s", "service.name") or product
    columns = {
        "service_uuid": schema.of("s", "service.uuid"),
        "service_id": schema.of("s", "service.id"),
        "customer_id": customer,
        "service_name": name or schema.of("s", "service.uuid"),
        "product": column(schema, "d", "product.slug") if has_product else None,
        "status": column(schema, "s", "service.status"),
        "ends_at": column(schema, "s", "service.ends"),
        "customer_name": schema.of("c", "customer.name"),
        "email": best_email(schema, settings, customer),
        "language": attribute(schema, names.language, customer),
        "timezone": attribute(schema, names.timezone, customer),
    }
    joined = (
        f"\nLEFT JOIN {schema.table('product')} d ON {schema.of('d', 'product.id')} ="
        f" {schema.of('s', 'service.product')}"
        if has_product
        else ""
    )
    return (
        f"SELECT {selected(columns)}\nFROM {schema.table('service')} s\n"
        f"{of_customer(schema, customer)}{joined}\n"
        f"WHERE NOT {gone(schema)} AND {schema.of('s', 'service.uuid')} <> ''"
    )


_WRITERS: dict[Question, Callable[[Schema, OmnicrmSettings], str]] = {
    "open_invoices": _open_invoices,
    "invoices": _invoices,
    "customers": _customers,
    "changed_customers": _changed_customers,
    "contacts": _contacts,
    "exclusions": _exclusions,
    "invoice_document": invoice_document,
    "invoice_lines": invoice_lines,
    "services": _services,
}
