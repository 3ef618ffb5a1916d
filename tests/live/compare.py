"""The shape of an answer, and what differs between two."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

#: Beyond this depth answers hold the account's own data.
_DEEPEST = 4
_WHOLE = "(answer)"


@dataclass(frozen=True)
class LiveAnswer:
    """A status, and what its JSON is like: `Data[].ID` -> `int`. `words` are an error's."""

    status: int
    shape: Mapping[str, str]
    words: str = ""


def answer_of(status: int, document: Any) -> LiveAnswer:
    """An answer without the values in it, but for an error's sentence."""
    return LiveAnswer(status, dict(_shape(document, "", 0)), " / ".join(_sentences(document)))


def differences(real: LiveAnswer, local: LiveAnswer) -> list[str]:
    """What the local Mailjet does otherwise; empty lists and objects on either side say nothing of their insides."""
    found = []
    if real.status != local.status:
        found.append(f"status: Mailjet {real.status}, the local one {local.status}")
    if real.words != local.words:
        found.append(f"words: Mailjet {real.words!r}, the local one {local.words!r}")
    for path in sorted({*real.shape, *local.shape}):
        mine, theirs = local.shape.get(path), real.shape.get(path)
        if mine == theirs or _is_open(path, real.shape) or _is_open(path, local.shape):
            continue
        found.append(f"{path}: Mailjet {theirs or 'has it not'}, the local one {mine or 'has it not'}")
    return found


def _is_open(path: str, shape: Mapping[str, str]) -> bool:
    """Whether this side has an empty list or object above the path, so that nothing is known below."""
    return any(
        kind.startswith("empty") and (one == _WHOLE or path.startswith(one)) for one, kind in shape.items()
    )


def _shape(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, list | dict) and (not value or depth == _DEEPEST):
        yield path or _WHOLE, f"empty {type(value).__name__}"
    elif isinstance(value, list):
        yield from _shape(value[0], f"{path}[]", depth + 1)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _shape(inner, f"{path}.{name}".lstrip("."), depth + 1)
    else:
        yield path or _WHOLE, type(value).__name__


def _sentences(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name in ("ErrorCode", "ErrorMessage"):
            if isinstance(value.get(name), str):
                yield value[name]
        for inner in value.values():
            yield from _sentences(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _sentences(inner)
