"""Can this text travel through JSON, both databases and a mail's headers?"""

import re

# NUL, which PostgreSQL refuses, other control characters but tab and line breaks, and lone surrogates, which
# UTF-8 cannot write.
_UNCARRIABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_BREAKS = re.compile(r"[\t\n\r\x85\u2028\u2029]")


def can_travel(text: str) -> bool:
    """Whether every server on the way takes each of these characters."""
    return text.isprintable() or _UNCARRIABLE.search(text) is None


def is_one_line(text: str) -> bool:
    """Whether the text can travel, and would stay on its line in a mail's header."""
    return text.isprintable() or (can_travel(text) and _BREAKS.search(text) is None)
