"""Where does something that was kept name an address, in whatever spelling?"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mailworker.core.canonical_address import canonical_address, folded

#: What may surround an address in a text, in a key, or in JSON; and its domain, which has less.
_BETWEEN = re.compile(r"[\s<>\"'(),;:|=#/\\\[\]{}]")
_DOMAIN = re.compile(r"[^\s<>\"'(),;:|=#/\\\[\]{}?!&%*+$^`~@]{1,320}")
#: No address is longer: a file of megabytes in one word is not looked through from each of its letters.
_LONGEST = 320
#: Local parts may have some of these, too, though nearly none has.
_ODD = re.compile(r"['|=#/{}]")
_AROUND = ".!?"
_RUN = re.compile(r"[a-z0-9]+")


def mentions(value: Any, name: str) -> bool:
    """Whether a text, or a value of JSON, has this address (in its canonical form) anywhere in it."""
    return any(_text_mentions(text, name) for text in _texts(value))


def without_mentions(text: str, name: str, instead: str) -> str:
    """The text with a stand-in wherever the address stood."""
    if _is_odd(name):
        return re.sub(re.escape(name), instead, text, flags=re.IGNORECASE)

    kept, end = [], 0
    for first, last in _spans(text):
        bare = text[first:last].strip(_AROUND)
        if canonical_address(bare) == name:
            kept.append(text[end:first] + text[first:last].replace(bare, instead))
            end = last
    return "".join((*kept, text[end:]))


def probe(name: str) -> str:
    """Some letters that stand in every spelling of this address, so that a database can look for them first.

    Spellings differ in case, in how accents are composed, and in `ß` and `ss`: never in plain letters.
    """
    local = name.rpartition("@")[0]
    runs = [run for part in local.split("ss") for run in _RUN.findall(part)]
    return max(runs, key=len, default="@")


def _text_mentions(text: str, name: str) -> bool:
    if _is_odd(name):
        return name in folded(text)
    return any(canonical_address(text[first:last].strip(_AROUND)) == name for first, last in _spans(text))


def _is_odd(name: str) -> bool:
    """Whether the local part has what elsewhere stands around an address."""
    return _ODD.search(name.rpartition("@")[0]) is not None


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where addresses may stand, by their @; in time that grows with the text, whatever it is."""
    end = 0
    for sign in re.finditer("@", text):
        at = sign.start()
        if (domain := _DOMAIN.match(text, at + 1)) is None:
            continue
        local = len(_BETWEEN.split(text[max(0, at - _LONGEST) : at])[-1])
        starts = {at - local, max(at - local, end)}
        yield from ((start, domain.end()) for start in sorted(starts) if start < at)
        end = domain.end()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield str(key)
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
