"""A subject that Mailjet accepts."""

import re
import unicodedata

#: Mailjet's Send API guide: longer is refused with mj-0006.
MAX_SUBJECT = 255

_ELLIPSIS = "…"
_JOINER = "\u200d"
_FORMS = {"\ufe0e", "\ufe0f"}  # of the character before: as text, as a picture
_OPEN_EXPRESSION = re.compile(r"(\{\{|\{%|\[\[)(?:(?!\}\}|%\}|\]\]).)*$")


def fit_subject(subject: str) -> str:
    """The subject on one line and within 255 characters.

    A long one is cut with an ellipsis, at a word's end where one is near; never inside a character
    that is made of several code points, never inside a template expression such as `{{var:x}}`.
    """
    line = " ".join(subject.split())
    if len(line) <= MAX_SUBJECT:
        return line
    end = MAX_SUBJECT - len(_ELLIPSIS)
    while end and _continues(line[end]) | (line[end - 1] == _JOINER):
        end -= 1
    head = line[:end]
    if (expression := _OPEN_EXPRESSION.search(head)) is not None:
        head = head[: expression.start()]
    elif line[end] != " " and (space := head.rfind(" ", end - 40)) > 0:
        head = head[:space]
    return head.rstrip() + _ELLIPSIS


def _continues(character: str) -> bool:
    """Whether this code point belongs to the character before it."""
    return (
        character in {_JOINER, *_FORMS}
        or unicodedata.combining(character) > 0
        or "\U0001f3fb" <= character <= "\U0001f3ff"  # skin tones
    )
