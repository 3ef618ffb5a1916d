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

_NONCHARACTERS = "".join(chr(plane << 16 | n) for plane in range(17) for n in (0xFFFE, 0xFFFF))
#: What says nothing: beside those Unicode's noncharacters, and the controls of ISO 6429 in their form of one
#: character, which fonts print as boxes and terminals obey as they do ESC [.
_MEANINGLESS = re.compile(rf"{_UNCARRIABLE.pattern}|[\x80-\x84\x86-\x9f\ufdd0-\ufdef{_NONCHARACTERS}]")
#: What those controls are in a text in Windows-1252 that was read as Latin-1: U+0092 is an apostrophe.
#: Browsers take them so, too (HTML, "numeric character reference end state").
_WINDOWS_1252 = {chr(n): bytes([n]).decode("cp1252", "ignore") for n in range(0x80, 0xA0)}
#: What a terminal obeys, or what turns the words around it.
_STEERING = re.compile(rf"[\x7f-\x9f]|{_TURNING.pattern}")


def can_travel(text: str) -> bool:
    """Whether every server on the way takes each of these characters."""
    return text.isprintable() or _UNCARRIABLE.search(text) is None


def is_one_line(text: str) -> bool:
    """Whether the text can travel, and would stay on its line in a mail's header."""
    return text.isprintable() or (can_travel(text) and _BREAKS.search(text) is None)


def carriable(text: str) -> str:
    """The text without characters that no mail can carry, that say nothing, or that turn the words around."""
    if text.isprintable():
        return text
    return _TURNING.sub("", _MEANINGLESS.sub(lambda found: _WINDOWS_1252.get(found[0], ""), text))


def unbroken(text: str) -> str:
    """The same with a space for each line break and tab, and none at its ends."""
    return text.strip() if text.isprintable() else carriable(_BREAKS.sub(" ", text)).strip()


def shown(text: str) -> str:
    """The text without characters that a terminal obeys, or that turn the words around it."""
    return text if text.isprintable() else _STEERING.sub("", carriable(text))


def escaped_json(text: str) -> str:
    """JSON that means the same, with escapes for what a terminal would obey."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def one_line(text: str, longest: int) -> str:
    """The text on one line and no longer than so many characters, cut with an ellipsis."""
    return shortened(_SPACES.sub(" ", carriable(text)).strip(), longest)


def shortened(text: str, longest: int) -> str:
    """The text, cut with an ellipsis where it is longer than so many characters."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "\u2026"
