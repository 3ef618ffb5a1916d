"""Do these variables fit the kind's template?"""

import re
from collections.abc import Mapping
from typing import Any

from mailworker.core.did_you_mean import did_you_mean
from mailworker.core.json_check import printable_name
from mailworker.core.json_fields import LARGEST
from mailworker.core.kind import Kind, Variable, VariableType
from mailworker.core.mailjet_limits import LIST_ELEMENTS
from mailworker.core.safe_text import can_travel
from mailworker.rules.job.addresses import normal_email

_URL = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_MARKUP = re.compile(r"[<>]")

MAX_TEXT = 10_000
#: Items of one list that a template goes through.
MAX_ITEMS = 200


def check_variables(kind: Kind, given: Any, faults: list[str]) -> dict[str, Any]:
    """The variables as the template gets them: the optional ones that were left out get their default.

    A template that prints a variable which is not there fails at Mailjet after it took it, so nothing may
    be missing. Adds one fault for each variable that is missing, unknown, null or of the wrong type.
    """
    if not isinstance(given, Mapping):
        faults.append('variables: write an object, {"name": "value"}.')
        return {}
    if len(given) > LIST_ELEMENTS:
        faults.append(f"variables: are more than the {LIST_ELEMENTS} that Mailjet takes.")
        return {}
    known = {variable.name: variable for variable in kind.variables if not variable.derived}
    required = kind.required
    faults.extend(
        f"variables.{printable_name(name)}: {kind.name} has no such variable"
        f"{did_you_mean(str(name), known) or '; it has ' + ', '.join(known) + '.'}"
        for name in given
        if name not in known
    )
    faults.extend(
        f"variables.{name}: is missing; {kind.name} cannot be sent without it{_or_blank(known[name])}."
        for name in known
        if name in required and name not in given
    )
    return {
        name: _value(variable, given[name], faults) if name in given else variable.default
        for name, variable in known.items()
    }


def _or_blank(variable: Variable) -> str:
    """What to give where the caller has no such thing."""
    return '. Give "" where there is none' if variable.blank else ""


def _value(variable: Variable, value: Any, faults: list[str]) -> Any:
    if fault := _fault(variable, value):
        faults.append(f"variables.{variable.name}: {fault}.")
    return value


def _fault(variable: Variable, value: Any) -> str | None:
    if value == "" and (variable.blank or not variable.required):
        return None
    if variable.filled and isinstance(value, str) and not value.strip():
        return "is empty, and the mail would say nothing without it"
    if value is None:
        return "is null, which Mailjet refuses; leave it out or give a text"
    if variable.secret and variable.type is VariableType.TEXT and _MARKUP.search(str(value)):
        return "has < or >, which no mail shows surely as they are; make it without them"
    return (_unfit(value) if isinstance(value, str) else None) or _type_fault(variable, value)


def _type_fault(variable: Variable, value: Any) -> str | None:
    match variable.type:
        case VariableType.TEXT:
            return _text_fault(value)
        case VariableType.INTEGER:
            return None if _is_integer(value) else "must be a whole number"
        case VariableType.URL:
            is_url = isinstance(value, str) and _URL.fullmatch(value)
            return None if is_url else "must be a link that begins with https:// or http://"
        case VariableType.EMAIL:
            return _email_fault(value)
        case VariableType.LIST:
            return _list_fault(value)


def _unfit(text: str) -> str | None:
    if len(text) > MAX_TEXT:
        return f"is longer than {MAX_TEXT} characters"
    return None if can_travel(text) else "has control characters, or half ones, that no mail can carry"


def _text_fault(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return f"must be text or a number, not {_word_for(value)}"
    if not isinstance(value, str) and not abs(value) < LARGEST:  # not-a-number fails every comparison
        return "is a number that JSON cannot carry everywhere; write it as text"
    return None


def _list_fault(value: Any) -> str | None:
    if not isinstance(value, list | tuple) or not all(isinstance(item, Mapping) for item in value):
        return "must be a list of objects"
    if len(value) > MAX_ITEMS:
        return f"has {len(value)} items; the most is {MAX_ITEMS}"
    fields = [field for item in value for field in item.values()]
    wrong = next((fault for field in fields if (fault := _text_fault(field) or _unfit(str(field)))), None)
    return f"has a field that {wrong}" if wrong else None


def _is_integer(value: Any) -> bool:
    if isinstance(value, str):
        return _INTEGER.fullmatch(value) is not None
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < LARGEST


def _email_fault(value: Any) -> str | None:
    if not isinstance(value, str):
        return "must be an e-mail address"
    try:
        normal_email(value)
    except ValueError as fault:
        return f"is not an e-mail address: {fault}"
    return None


def _word_for(value: Any) -> str:
    words = {bool: "true or false", list: "a list", dict: "an object"}
    return words.get(type(value), type(value).__name__)
