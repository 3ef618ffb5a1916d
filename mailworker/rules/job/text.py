"""Can this text travel through JSON, both databases and a mail's headers?"""

import re
from typing import Any

# NUL, which PostgreSQL refuses, other control characters but tab and line breaks, and lone surrogates, which
# UTF-8 cannot write.
_UNCARRIABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_BREAKS = re.compile(r"[\t\n\r\x85\u2028\u2029]")
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,99}", re.ASCII)


def can_travel(text: str) -> bool:
    """Whether every server on the way takes each of these characters."""
    return text.isprintable() or _UNCARRIABLE.search(text) is None


def is_one_line(text: str) -> bool:
    """Whether the text can travel, and would stay on its line in a mail's header."""
    return text.isprintable() or (can_travel(text) and _BREAKS.search(text) is None)


def spoken(name: Any) -> str:
    """A name that the caller gave, for a sentence about it; whatever looks like no name may be a person's."""
    text = str(name)
    return text if _NAME.fullmatch(text) else "(a name that is none)"
