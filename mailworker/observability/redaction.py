"""What must not stand in a log line: addresses, links' secrets, keys, and characters that forge lines.

Everything here takes time in proportion to the text: recipients' mail servers write part of what is logged.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

#: Longer values are cut before anything else is done with them, in characters.
LONGEST = 10_000
_DEEPEST = 6
_MOST_ITEMS = 100

#: A word ends where no address and no link goes on.
_WORD = re.compile(r"[^\s\"'<>]+")
_LOCAL = r"[\w.!#$%&'*+/=?^`{|}~-]"
# Possessive, and only from a word's beginning: no character is looked at twice.
_ADDRESS = re.compile(rf"(?<!{_LOCAL}){_LOCAL}++@[\w-]++(?:\.[\w-]++)+")
#: Letters that join or turn round what stands beside them.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def redact(text: str, *, longest: int = LONGEST) -> str:
    """The text without addresses, without what follows the host in links, without credentials in URLs.

    What is longer than `longest` characters is cut first, at the end of a word: half an address is one, too.
    """
    if len(text) > longest:
        text = f"{_whole_words(text[:longest])}..."
    if "@" not in text and "://" not in text:
        return text
    return _WORD.sub(lambda word: _redact_word(word[0]), text)


def _whole_words(text: str) -> str:
    """What was cut, without the word that the cut went through."""
    if text[-1:].isspace():
        return text
    words = text.rsplit(None, 1)
    return f"{words[0]} " if len(words) > 1 else ""


def _redact_word(word: str) -> str:
    """One word: a link loses its credentials and, at the web, what follows its host."""
    scheme, is_link, rest = word.partition("://")
    if not is_link:
        return _ADDRESS.sub("***@***", word)
    before = _ADDRESS.sub("***@***", scheme)
    credentials, is_login, host = rest.rpartition("@")
    rest = f"***@{host}" if is_login else host or credentials
    if scheme.lower().endswith(("http", "https")):
        end = min((index for sign in "/?#" if (index := rest.find(sign)) >= 0), default=len(rest))
        rest = rest[:end] + ("/***" if end < len(rest) else "")
    return f"{before}://{rest}"


def one_line(text: str) -> str:
    r"""The text with invisible characters written out, as `\n` or `\u202e`: it cannot pass for two lines."""
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in _INVISIBLE
        else character
        for character in text
    )


def redact_value(value: Any, depth: int = 0) -> Any:
    """A field of a log line, whatever it holds: texts redacted, lists and objects looked through."""
    if value is None or isinstance(value, bool | int | float | datetime):
        return value
    if depth > _DEEPEST:
        return "..."
    if isinstance(value, Mapping):
        some = list(value.items())[:_MOST_ITEMS]
        return {one_line(redact(str(name))): redact_value(one, depth + 1) for name, one in some}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact_value(one, depth + 1) for one in list(value)[:_MOST_ITEMS]]
    return one_line(redact(value if isinstance(value, str) else str(value)))


def redact_event(_logger: Any, _method: str, event: Any) -> Any:
    """Redact every value of a log line; a traceback, which has no words of others, keeps its lines."""
    return {name: value if name == "exception" else redact_value(value) for name, value in event.items()}
