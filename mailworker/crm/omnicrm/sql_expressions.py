"""The parts of which the queries are made, in MariaDB's SQL."""

# ruff: noqa: S608 - the names are the database's own, quoted; the operator's texts are literals of `literal`

import re

from mailworker.config.omnicrm import OmnicrmSettings
from mailworker.crm.omnicrm.probe import Schema

#: Values of an attribute, and of a status, that mean no.
_NO = "('off', 'no', 'false', '0', 'non', 'never')"
#: OmniCRM's manual has Open, Closed, Suspended and an archived state whose spelling it does not show.
#: Suspended customers still owe, so they are written to.
_GONE = "('closed', 'archived', 'archive')"
#: Words for an invoice that nobody has to pay.
_CANCELLED = "('void', 'voided', 'cancelled', 'canceled', 'proforma', 'draft')"
#: What may be an address; `n/a` and `-` are none.
_LIKE_AN_ADDRESS = "'%_@_%._%'"
_PLACE = re.compile(r"\{(invoice_id|customer_id)\}")
#: What SQLAlchemy's text() would take for a parameter.
_PARAMETER = re.compile(r"(?<![:\w\\]):(?=\w)")


def literal(text: str) -> str:
    """A text as SQL has it, safe inside SQLAlchemy's text()."""
    quoted = text.replace("\\", "\\\\").replace("'", "''")
    return "'" + _PARAMETER.sub(r"\\:", quoted) + "'"


def link(template: str, alias: str, schema: Schema, entity: str) -> str:
    """A link with the record's ids in it, as CONCAT(...)."""
    keys = {
        "invoice_id": schema.of(alias, "invoice.id"),
        "customer_id": schema.of(alias, f"{entity}.customer"),
    }
    parts = _PLACE.split(template)
    pieces = [keys[part] if n % 2 else literal(part) for n, part in enumerate(parts) if part]
    return f"CONCAT({', '.join(pieces)})"


def attribute(schema: Schema, name: str, customer: str) -> str | None:
    """A customer attribute's value; None where there are no attributes, or no name for it."""
    if not name or schema.missing(("attribute.customer", "attribute.name", "attribute.value")):
        return None
    return (
        f"(SELECT MIN({schema.of('a', 'attribute.value')}) FROM {schema.table('attribute')} a"
        f" WHERE {schema.of('a', 'attribute.customer')} = {customer}"
        f" AND {schema.of('a', 'attribute.name')} = {literal(name)})"
    )


def is_no(value: str) -> str:
    """Whether this value means no."""
    return f"LOWER(TRIM({value})) IN {_NO}"


def gone(schema: Schema, alias: str = "c") -> str:
    """Whether the customer is closed, archived or not enabled."""
    conditions = []
    if "customer.status" in schema:
        conditions.append(f"LOWER(TRIM({schema.of(alias, 'customer.status')})) IN {_GONE}")
    if "customer.enabled" in schema:
        conditions.append(f"COALESCE({schema.of(alias, 'customer.enabled')}, 1) = 0")
    return f"COALESCE({' OR '.join(conditions)}, 0)" if conditions else "0"


def contact_name(schema: Schema, alias: str) -> str:
    """A person's name, of one column or of two."""
    if not schema.missing(("contact.first", "contact.last")):
        first, last = schema.of(alias, "contact.first"), schema.of(alias, "contact.last")
        return f"TRIM(CONCAT_WS(' ', {first}, {last}))"
    return schema.of(alias, "contact.name") if "contact.name" in schema else "''"


def best_email(schema: Schema, settings: OmnicrmSettings, customer: str) -> str:
    """The address for what concerns money: a billing contact's before others; what is none is passed over."""
    email, key = schema.of("p", "contact.email"), schema.of("p", "contact.id")
    order = key
    if "contact.types" in schema:
        like = literal(f"%{settings.billing_contact}%")
        order = f"COALESCE({schema.of('p', 'contact.types')} LIKE {like}, 0) DESC, {key}"
    return (
        f"(SELECT {email} FROM {schema.table('contact')} p WHERE {schema.of('p', 'contact.customer')} ="
        f" {customer} AND {email} LIKE {_LIKE_AN_ADDRESS} ORDER BY {order} LIMIT 1)"
    )


def owed_with_tax(schema: Schema, invoice: str, digits: int) -> str:
    """What an invoice's transactions come to, tax included; voided ones do not count."""
    cost, tax = schema.of("t", "transaction.cost"), schema.of("t", "transaction.tax")
    return (
        f"(SELECT ROUND(COALESCE(SUM({cost} + COALESCE({tax}, 0)), 0), {digits})"
        f" FROM {schema.table('transaction')} t"
        f" WHERE {schema.of('t', 'transaction.invoice')} = {invoice}"
        f" AND COALESCE({schema.of('t', 'transaction.void')}, 0) = 0)"
    )


def invoice_status(schema: Schema) -> str:
    """open, paid, cancelled or disputed, by whatever column shows it: a flag, a day, a word.

    Where the word alone shows whether it is paid, one that we do not know stays, for `crm.status_words`.
    """
    word = f"LOWER(TRIM({schema.of('i', 'invoice.status')}))" if "invoice.status" in schema else None
    cases = [
        f"WHEN COALESCE({schema.of('i', flag)}, 0) = 1 THEN 'cancelled'"
        for flag in ("invoice.void", "invoice.proforma")
        if flag in schema
    ]
    cases += [f"WHEN {word} IN {_CANCELLED} THEN 'cancelled'"] if word else []
    paid = _paid(schema)
    cases += paid
    if word is None:
        rest = "'open'"
    elif paid:
        cases += [f"WHEN {word} IN ('paid', 'settled') THEN 'paid'"]
        cases += [f"WHEN {word} IN ('disputed', 'dispute') THEN 'disputed'"]
        rest = "'open'"
    else:
        cases += [f"WHEN {word} IN ('unpaid', 'overdue', 'due', 'issued', 'sent') THEN 'open'"]
        rest = word
    return f"CASE {' '.join(cases)} ELSE {rest} END"


def _paid(schema: Schema) -> list[str]:
    cases = []
    if "invoice.paid" in schema:
        cases.append(f"WHEN COALESCE({schema.of('i', 'invoice.paid')}, 0) = 1 THEN 'paid'")
    if "invoice.paid_on" in schema:  # an empty day may be 0000-00-00
        cases.append(f"WHEN {schema.of('i', 'invoice.paid_on')} > '1970-01-01' THEN 'paid'")
    return cases


def selected(columns: dict[str, str | None]) -> str:
    """The columns of a SELECT, those that there are."""
    return ",\n       ".join(f"{value} AS {name}" for name, value in columns.items() if value)


def column(schema: Schema, alias: str, word: str) -> str | None:
    """The column, or None where the database has none."""
    return schema.of(alias, word) if word in schema else None


def first_site(schema: Schema, customer: str) -> str:
    """The customer's first site as `s`: OmniCRM's customers have no address of their own."""
    table, key = schema.table("site"), schema.of("x", "site.id")
    return (
        f"LEFT JOIN {table} s ON {schema.of('s', 'site.id')} = (SELECT MIN({key}) FROM {table} x"
        f" WHERE {schema.of('x', 'site.customer')} = {customer})"
    )
