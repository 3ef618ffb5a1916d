"""Can this text travel through JSON, both databases and a mail's headers?"""

import re

# NUL, which PostgreSQL refuses, other control characters but tab and line breaks, and lone surrogates, which
# UTF-8 cannot write.
_UNCARRIABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
#: What turns the direction of all text after it: embeddings, overrides and isolates. Arabic and Hebrew read
#: from right to left without them.
_TURNING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
#: Not the spaces that keep a number and its unit on one line.
_SPACES = re.compile(r"[ \t\n\r\x85\u2028\u2029]+")
_BREAKS = re.compile(r"[\t\n\r\x85\u2028\u2029]")

#: The controls of ISO 6429 in their form of one character, which terminals obey as they do ESC [.
_CONTROLS = re.compile(r"[\x80-\x9f]")


def can_travel(text: str) -> bool:
    """Whether every server on the way takes each of these characters."""
    return text.isprintable() or _UNCARRIABLE.search(text) is None


def is_one_line(text: str) -> bool:
    """Whether the text can travel, and would stay on its line in a mail's header."""
    return text.isprintable() or (can_travel(text) and _BREAKS.search(text) is None)


def carriable(text: str) -> str:
    """The text without characters that no mail can carry, or that would turn the words around it."""
    return text if text.isprintable() else _TURNING.sub("", _UNCARRIABLE.sub("", text))


def shown(text: str) -> str:
    """The text without characters that a terminal obeys, or that turn the words around it."""
    return _CONTROLS.sub("", carriable(text))


def one_line(text: str, longest: int) -> str:
    """The text on one line and no longer than so many characters, cut with an ellipsis."""
    return shortened(_SPACES.sub(" ", carriable(text)).strip(), longest)


def shortened(text: str, longest: int) -> str:
    """The text, cut with an ellipsis where it is longer than so many characters."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "\u2026"
