"""Where does something that was kept name an address, in whatever spelling?"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mailworker.core.address import canonical_address, folded

#: What may surround an address in a text, in a key, or in JSON.
_TOKEN = re.compile(r"[^\s<>\"'(),;:|=#/\\\[\]{}]+@[^\s<>\"'(),;:|=#/\\\[\]{}?!&%*+$^`~@]+")
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

    def replaced(found: re.Match[str]) -> str:
        bare = found[0].strip(_AROUND)
        return found[0].replace(bare, instead) if canonical_address(bare) == name else found[0]

    return _TOKEN.sub(replaced, text)


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
    return any(canonical_address(token) == name for token in _tokens(text))


def _is_odd(name: str) -> bool:
    """Whether the local part has what elsewhere stands around an address."""
    return _ODD.search(name.rpartition("@")[0]) is not None


def _tokens(text: str) -> Iterator[str]:
    return (found.strip(_AROUND) for found in _TOKEN.findall(text)) if "@" in text else iter(())


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
