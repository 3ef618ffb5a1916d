"""The parts of which the queries are made, in MariaDB's SQL."""

# ruff: noqa: S608 - the names are the database's own, quoted; the operator's texts are literals of `literal`

import re
from collections.abc import Mapping, Sequence

from mailworker.config.omnicrm import OmnicrmSettings
from mailworker.core.currency import minor_units
from mailworker.crm.omnicrm.probe import Schema

#: Values of an attribute, and of a status, that mean no.
_NO = "('off', 'no', 'false', '0', 'non', 'never')"
#: OmniCRM's manual has Open, Closed, Suspended and an archived state whose spelling it does not show.
#: Suspended customers still owe, so they are written to.
_GONE = "('closed', 'archived', 'archive')"
#: Words for an invoice that is none, and words for one that nobody has to pay any more, unless it was paid.
_VOID = "'void', 'voided', 'cancelled', 'canceled', 'proforma', 'draft', 'deleted'"
_NOT_OWED = (
    "'credited', 'refunded', 'written off', 'written_off', 'uncollectible', 'archived', 'merged', 'replaced',"
    " 'superseded'"
)
#: Words for one that nobody has paid, and words that leave it to what else shows whether it is paid.
_UNPAID = "'open', 'unpaid', 'overdue', 'due', 'issued', 'sent'"
_ISSUED = (
    "'', 'past due', 'emailed', 'invoiced', 'billed', 'new', 'active', 'created', 'generated', 'final',"
    " 'finalized', 'finalised', 'pending', 'outstanding', 'partial', 'partially paid', 'partially_paid'"
)
#: What may be an address; `n/a` and `-` are none.
_LIKE_AN_ADDRESS = "'%_@_%._%'"
#: As many as any currency has.
_MOST_DIGITS = 4
_PLACEHOLDER = re.compile(r"\{(invoice_id|customer_id)\}")
#: What SQLAlchemy's text() would take for a parameter.
_PARAMETER = re.compile(r"(?<![:\w\\]):(?=\w)")


def literal(text: str) -> str:
    """A text as SQL has it, safe inside SQLAlchemy's text()."""
    quoted = text.replace("\\", "\\\\").replace("'", "''")
    return "'" + _PARAMETER.sub(r"\\:", quoted) + "'"


def link(schema: Schema, template: str) -> str | None:
    """A link with the ids of the invoice `i` in it, as CONCAT(...); None where none is configured."""
    if not template:
        return None
    keys = {
        "invoice_id": schema.of("i", "invoice.id"),
        "customer_id": schema.of("i", "invoice.customer"),
    }
    parts = _PLACEHOLDER.split(template)
    pieces = [keys[part] if n % 2 else literal(part) for n, part in enumerate(parts) if part]
    return f"CONCAT({', '.join(pieces)})"


def of_customer(schema: Schema, customer: str) -> str:
    """The join of this customer as `c`."""
    return f"JOIN {schema.table('customer')} c ON {schema.of('c', 'customer.id')} = {customer}"


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


def gone(schema: Schema) -> str:
    """Whether the customer `c` is closed, archived or not enabled."""
    conditions = []
    if "customer.status" in schema:
        conditions.append(f"LOWER(TRIM({schema.of('c', 'customer.status')})) IN {_GONE}")
    if "customer.enabled" in schema:
        conditions.append(f"COALESCE({schema.of('c', 'customer.enabled')}, 1) = 0")
    return f"COALESCE({' OR '.join(conditions)}, 0)" if conditions else "0"


def contact_name(schema: Schema) -> str:
    """The name of the contact `p`, of one column or of two."""
    if not schema.missing(("contact.first", "contact.last")):
        return f"TRIM(CONCAT_WS(' ', {schema.of('p', 'contact.first')}, {schema.of('p', 'contact.last')}))"
    return column(schema, "p", "contact.name") or "''"


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


def tax(schema: Schema) -> str:
    """The tax of the transaction `t`: its amount, or what its rate makes where no amount is written."""
    cost, amount = (schema.of("t", f"transaction.{word}") for word in ("cost", "tax"))
    rate = column(schema, "t", "transaction.rate")
    return f"COALESCE({amount}, {cost} * {rate} / 100, 0)" if rate else f"COALESCE({amount}, 0)"


def not_voided(schema: Schema) -> str:
    """Whether the transaction `t` counts."""
    return f"COALESCE({schema.of('t', 'transaction.void')}, 0) = 0"


def transactions_sum(schema: Schema, values: Sequence[str], settings: OmnicrmSettings) -> str:
    """The sum of these values of the transactions of the invoice `i`, voided ones left out.

    Each is rounded by itself, as an invoice prints its amount before tax and its tax.
    """
    digits = str(minor_units(settings.currency))
    if "invoice.currency" in schema:
        usual = f"{invoice_currency(schema, settings)} = {literal(settings.currency)}"
        digits = f"CASE WHEN {usual} THEN {digits} ELSE {_MOST_DIGITS} END"
    sums = " + ".join(f"ROUND(COALESCE(SUM({value}), 0), {digits})" for value in values)
    return (
        f"(SELECT {sums} FROM {schema.table('transaction')} t"
        f" WHERE {schema.of('t', 'transaction.invoice')} = {schema.of('i', 'invoice.id')}"
        f" AND {not_voided(schema)})"
    )


def invoice_currency(schema: Schema, settings: OmnicrmSettings) -> str:
    """The currency of the invoice `i`: its own, where OmniCRM keeps one; else the installation's."""
    own, usual = column(schema, "i", "invoice.currency"), literal(settings.currency)
    return f"COALESCE(NULLIF(TRIM({own}), ''), {usual})" if own else usual


def invoice_number(schema: Schema) -> str:
    """The number of the invoice `i`, its id where it has none."""
    key, number = f"CAST({schema.of('i', 'invoice.id')} AS CHAR)", column(schema, "i", "invoice.number")
    return f"COALESCE(NULLIF(TRIM({number}), ''), {key})" if number else key


def invoice_status(schema: Schema) -> str:
    """open, paid, cancelled or disputed, by whatever column shows it: a flag, a day, a word.

    A word that we do not know stays, for `crm.status_words`: it may be any reason not to ask for money.
    """
    cases = [
        f"WHEN COALESCE({schema.of('i', flag)}, 0) <> 0 THEN 'cancelled'"
        for flag in ("invoice.void", "invoice.proforma")
        if flag in schema
    ]
    if "invoice.status" not in schema:
        return f"CASE {' '.join([*cases, *_paid(schema)])} ELSE 'open' END"
    word, paid = f"LOWER(TRIM({schema.of('i', 'invoice.status')}))", _paid(schema)
    cases += [f"WHEN {word} IN ({_VOID}) THEN 'cancelled'", *paid]
    cases += [f"WHEN {word} IN ({_NOT_OWED}) THEN 'cancelled'"]
    if not paid:
        return f"CASE {' '.join(cases)} WHEN {word} IN ({_UNPAID}) THEN 'open' ELSE {word} END"
    cases += [f"WHEN {word} IN ('paid', 'settled') THEN 'paid'"]
    cases += [f"WHEN {word} IN ('disputed', 'dispute') THEN 'disputed'"]
    word = f"COALESCE({word}, '')"
    cases += [f"WHEN {word} IN ({_UNPAID}, {_ISSUED}) THEN 'open'"]
    return f"CASE {' '.join(cases)} ELSE {word} END"


def _paid(schema: Schema) -> list[str]:
    cases = []
    if "invoice.paid" in schema:
        cases.append(f"WHEN COALESCE({schema.of('i', 'invoice.paid')}, 0) <> 0 THEN 'paid'")
    if "invoice.paid_on" in schema:  # an empty day may be 0000-00-00
        cases.append(f"WHEN {schema.of('i', 'invoice.paid_on')} > '1970-01-01' THEN 'paid'")
    return cases


def selected(columns: dict[str, str | None]) -> str:
    """The columns of a SELECT, those that there are."""
    return ",\n       ".join(f"{value} AS {name}" for name, value in columns.items() if value)


def column(schema: Schema, alias: str, word: str) -> str | None:
    """The column, or None where the database has none."""
    return schema.of(alias, word) if word in schema else None


def first_site(schema: Schema, customer: str, words: Mapping[str, str]) -> tuple[dict[str, str | None], str]:
    """These columns of the customer's first site `s`, and its join; nothing where no sites were found.

    OmniCRM's customers have no address of their own.
    """
    if schema.missing(("site.id", "site.customer")):
        return {}, ""
    table, key = schema.table("site"), schema.of("x", "site.id")
    join = (
        f"\nLEFT JOIN {table} s ON {schema.of('s', 'site.id')} = (SELECT MIN({key}) FROM {table} x"
        f" WHERE {schema.of('x', 'site.customer')} = {customer})"
    )
    return {name: column(schema, "s", word) for name, word in words.items()}, join
