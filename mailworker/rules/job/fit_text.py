"""Callers' text made fit for a mail: what no mail can carry is taken out, and what is too long is cut.

Names of people, an invoice's texts and variables that a template merely prints are made fit. What names
something else, a key, an id, a link, an address or a secret, is never changed: such text is refused.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mailworker.core.json_check import MAX_DEPTH, printable_name
from mailworker.core.kind import Kind, VariableType
from mailworker.core.safe_text import carriable, one_line, shortened
from mailworker.rules.job.addresses import MAX_NAME
from mailworker.rules.job.check_variables import MAX_TEXT

_PEOPLE = ("to", "cc", "bcc")
#: How long the words of an invoice may be, by field; the invoice's reader refuses longer ones.
_INVOICE_WORDS = {
    **dict.fromkeys(("title", "description", "note", "notes", "payment_terms"), 1_000),
    **dict.fromkeys(
        ("name", "trading_name", "contact", "phone", "section", "discount_reason", "charge_reason", "reason"),
        300,
    ),
    **dict.fromkeys(("city", "state", "region", "province"), 100),
}


def made_fit(raw: Mapping[str, Any], kind: Kind) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The job with its text made fit, and the names of the fields that this changed."""
    fit = {name: _fit_field(name, value, kind) for name, value in raw.items()}
    changed = [path for name, value in raw.items() for path in _changed(name, value, fit[name], 0)]
    return fit, tuple(dict.fromkeys(changed))


def fit_document(document: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """An invoice of the CRM's with its texts made fit, and the names of the fields that this changed.

    It is the same object where nothing needs it.
    """
    fit: Mapping[str, Any] = _fit_invoice(document)
    return fit, tuple(dict.fromkeys(_changed("invoice", document, fit, 0)))


def _fit_field(name: str, value: Any, kind: Kind) -> Any:
    if name in _PEOPLE:
        people = [_fit_person(one) for one in value] if isinstance(value, list | tuple) else None
        return _fit_person(value) if people is None else people
    if name == "variables" and isinstance(value, Mapping):
        plain = {
            variable.name
            for variable in kind.variables
            if variable.type in {VariableType.TEXT, VariableType.LIST} and not variable.secret
        }
        return {name: _fit_text(one, 0) if name in plain else one for name, one in value.items()}
    return _fit_invoice(value) if name == "invoice" else value


def _fit_invoice(value: Any) -> Any:
    return _fit_text(value, 0, _INVOICE_WORDS, MAX_TEXT)


def _fit_person(one: Any) -> Any:
    """A name stays on its line: a tab or a line break in it is no reason for a customer to get nothing."""
    if not isinstance(one, Mapping) or not isinstance(one.get("name"), str):
        return one
    return {**one, "name": one_line(one["name"], MAX_NAME)}


def _fit_text(value: Any, depth: int, words: Mapping[str, int] | None = None, longest: int = MAX_TEXT) -> Any:
    """All text in it without the characters that no mail can carry, and no longer than `longest`.

    `words` are lengths of texts in fields of these names. What needs no change is the same object. An
    invoice's number names it, and stays for its own check.
    """
    if isinstance(value, str):
        return shortened(carriable(value), longest)
    if depth > MAX_DEPTH or not isinstance(value, Mapping | list | tuple):
        return value
    if isinstance(value, Mapping):
        named = {
            name: one
            if name == "invoice_number"
            else _fit_text(one, depth + 1, words, (words or {}).get(name, MAX_TEXT))
            for name, one in value.items()
        }
        return value if all(named[name] is one for name, one in value.items()) else named
    listed = [_fit_text(one, depth + 1, words, longest) for one in value]
    return value if all(one is other for one, other in zip(value, listed, strict=True)) else listed


def _changed(path: str, before: Any, after: Any, depth: int) -> Iterator[str]:
    """Where text is another now; places in lists are not distinguished."""
    if before is after or depth > MAX_DEPTH:
        return
    if isinstance(before, str):
        if before.strip() != after:
            yield path
    elif isinstance(before, Mapping):
        for name, one in before.items():
            yield from _changed(f"{path}.{printable_name(name)}", one, after[name], depth + 1)
    elif isinstance(before, list | tuple):
        for one, other in zip(before, after, strict=True):
            yield from _changed(path, one, other, depth + 1)
