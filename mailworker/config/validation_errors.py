"""What pydantic found, as sentences for the person who wrote the file."""

import re
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mailworker.config.builtin_kinds import KINDS
from mailworker.config.yaml_document import Document, Path, dotted
from mailworker.core.did_you_mean import did_you_mean

#: What is wrong, by pydantic's name of it.
_WORDS = {
    **dict.fromkeys(
        ("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"),
        "must be a day, as 2026-12-25",
    ),
    **dict.fromkeys(
        ("model_type", "dict_type", "model_attributes_type"), "must have keys of its own, as `key: value`"
    ),
    "tuple_type": "must be a list, as [one, two]",
    **dict.fromkeys(("too_short", "string_too_short"), "may not be empty"),
    **dict.fromkeys(("bool_parsing", "bool_type"), "must be true or false"),
    **dict.fromkeys(("decimal_parsing", "decimal_type"), "must be a number, with a point: 5.00"),
    "float_parsing": "must be a number, with a point: 0.5",
}
_WEB = "must be an address that begins with http:// or https://"
_NO_COLON = "may have neither spaces nor a colon"
#: What a text has to look like, by its pattern.
SHAPES: Mapping[str, str] = {
    r"^(https://[^\s\"<>]+)?$": "must be an address that begins with https://",
    r"^(#[0-9a-fA-F]{6})?$": 'must be a colour as "#0b4f8a", in quotes',
    r"^#[0-9a-fA-F]{6}$": 'must be a colour as "#0b4f6c", in quotes',
    r"^(https?://[^\s@]+)?$": f"{_WEB}, without user and password",
    r"^(https?://[^\s]+)?$": _WEB,
    r"^(https?://\S+)?$": _WEB,
    r"^https?://[^\s]+$": _WEB,
    r"^https?://[^\s@/?#]+(/[^\s?#]*)?$": f"{_WEB}, without user, password and question mark",
    r"^https?://[^/]+/?$": f"{_WEB}, with nothing behind the host",
    r"^(https?://[^\s@]+/ocs/cgrates)?$": f"{_WEB} and ends with /ocs/cgrates, without user and password",
    r"^[^:\s]+$": _NO_COLON,
    r"^[^:\s]{1,64}$": f"{_NO_COLON}, and at most 64 characters",
    r"^[a-z]{2}_[A-Z]{2}$": "must be a language with its country, as fr_FR",
    r"^[A-Z]{2}$": "must be a country's two capital letters, as FR (ISO 3166-1)",
    r"^[A-Z]{3}$": "must be a currency's three capital letters, as EUR (ISO 4217)",
    r"^([0-9]{4})?$": "must have four digits",
    r"^(\d{9})?$": "must have nine digits",
}
#: Numbers as programs write them.
_FOREIGN = re.compile(r"0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+")


def sentences(error: ValidationError, document: Document, model: type[BaseModel]) -> list[str]:
    """One sentence for each fault: file, line, key, what is wrong, how to mend it."""
    faults = error.errors()
    return [_sentence(one, document, model) for one in faults if not _follows(one, faults)]


def _follows(fault: ErrorDetails, faults: Sequence[ErrorDetails]) -> bool:
    """Whether a list only lacks entries because those that it has are wrong."""
    within = (one["loc"][: len(fault["loc"])] for one in faults if len(one["loc"]) > len(fault["loc"]))
    return fault["type"] == "too_short" and fault["loc"] in within


def _sentence(fault: ErrorDetails, document: Document, model: type[BaseModel]) -> str:
    path = _as_written(fault["loc"], document)
    place, key = document.place(path), dotted(path)
    if fault["type"] == "extra_forbidden":
        known = _keys_at(model, fault["loc"][:-1])
        known |= set(KINDS) if path[:-1] == ("mailjet",) else set()
        return f"{place}: {key} is not a known key{did_you_mean(str(path[-1]), known) or '; remove it.'}"
    if fault["type"] == "missing":
        return f"{place}: {key} is missing; add it."
    if _lost_indentation(fault, path, document):
        return f"{place}: {key} has nothing under it; indent the keys that belong to it by two spaces."
    return f"{place}: {key}: {_lower_first(_plain_message(fault))}.".replace("?.", "?")


def _as_written(loc: tuple[int | str, ...], document: Document) -> Path:
    """Pydantic's path as the file has it: our `blocks` level does not stand there."""
    path = (*loc[:1], *loc[2:]) if loc[:2] == ("mailjet", "blocks") else loc
    while len(path) > 1 and path not in document.lines and isinstance(path[-1], str) and "[" in path[-1]:
        path = path[:-1]
    return path


def _plain_message(fault: ErrorDetails) -> str:
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"]).rstrip(".")
    if fault["type"] in {"int_parsing", "int_type", "int_from_float"}:
        return f"must be a whole number{_right_spelling(fault['input'])}"
    if fault["type"] == "string_type":
        return _no_text(fault["input"])
    if fault["type"] == "string_pattern_mismatch":
        return SHAPES.get(fault["ctx"]["pattern"], fault["msg"])
    return _WORDS.get(fault["type"]) or fault["msg"].replace("Input should be", "must be").rstrip(".")


def _no_text(value: Any) -> str:
    """Why this is no text to YAML, and how it becomes one."""
    if value is None:
        return "has no value; what contains `#`, as a colour, stands in quotes"
    if isinstance(value, dict | list | tuple):
        return "must be one text, and no list and no keys"
    return f'must be a text: write it in quotes, "{str(value).lower() if isinstance(value, bool) else value}"'


def _right_spelling(value: Any) -> str:
    """What was probably meant by a number that YAML programs read differently: 0123, 0x10, 1_000."""
    text = str(value).strip()
    if text.isdecimal() and text.startswith("0"):
        return f": write {int(text)}, without zeros before it"
    if _FOREIGN.fullmatch(text):
        return f": write {int(text, 0)}"
    return ""


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _lost_indentation(fault: ErrorDetails, path: Path, document: Document) -> bool:
    return fault["input"] is None and path in document.lines and fault["type"] in {"model_type", "dict_type"}


def _keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> set[str]:
    """The keys that the model knows at this path, as the file writes them."""
    here: Any = model
    for part in loc:
        here = _inside(_plain_type(here), part)
    fields = getattr(_plain_type(here), "model_fields", {})
    return {field.alias or name for name, field in fields.items() if name != "blocks"}


def _inside(here: Any, part: int | str) -> Any:
    """What stands at `part` of this type: a field, or in a dict or list of models any of them."""
    fields = getattr(here, "model_fields", None)
    if fields is not None:
        return fields[part].annotation if part in fields else None
    return _first_with_models(here)


def _plain_type(annotation: Any) -> Any:
    """The type without its validators; of several types the one that has keys."""
    while get_origin(annotation) in {Annotated, Union, UnionType}:
        annotation = _first_with_models(annotation)
    return annotation


def _first_with_models(annotation: Any) -> Any:
    return next((one for one in get_args(annotation) if _has_models(one)), None)


def _has_models(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return True
    return any(map(_has_models, get_args(annotation)))
