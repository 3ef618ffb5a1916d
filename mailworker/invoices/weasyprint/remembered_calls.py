"""Small functions that WeasyPrint's libraries call thousands of times a page, with their answers remembered.

Each gives what the original gives; the tests compare the PDFs byte by byte. Written for pydyf 0.13.0,
tinyhtml5 2.1.0 and WeasyPrint 70.0: others keep their own functions.
"""

import re
from functools import lru_cache
from typing import Any

import pydyf  # type: ignore[import-untyped]
import tinyhtml5  # type: ignore[import-untyped]
from tinyhtml5 import inputstream
from weasyprint.formatting_structure import boxes
from weasyprint.layout import inline, preferred
from weasyprint.text import line_break

from mailworker.invoices.weasyprint import font_features
from mailworker.invoices.weasyprint.kept_styles import is_kept

#: What these are written for.
_PYDYF, _TINYHTML5 = "0.13.0", "2.1.0"

_to_bytes = pydyf._to_bytes  # noqa: SLF001 - the function that is replaced
_can_break_text = line_break.can_break_text
_in_flow = boxes.Box.is_in_normal_flow
_avoid_collisions = inline.avoid_collisions
_stream = inputstream.HTMLUnicodeInputStream
_chars_until = _stream.chars_until


@lru_cache(20_000)
def _float(number: float) -> bytes:
    text: bytes = _to_bytes(number)
    return text


def to_bytes(item: Any) -> bytes:
    """Write a number, name or object as PDF; coordinates come again on every page."""
    kind = type(item)
    if kind is bytes:
        return bytes(item)
    if kind is float:
        return _float(item)
    written: bytes = _to_bytes(item)
    return written


def chars_until(self: Any, characters: Any, opposite: bool = False) -> str:  # noqa: FBT001, FBT002 - tinyhtml5's own
    """Read up to one of these characters.

    tinyhtml5 2.1 keeps its compiled expressions under a key that it never asks for; here they are found.
    """
    known = inputstream.characters_until_regex
    if (characters, opposite) not in known:
        inside = "".join(f"\\x{ord(character):02x}" for character in characters)
        known[characters, opposite] = re.compile(f"[{'' if opposite else '^'}{inside}]+")
    text: str = _chars_until(self, characters, opposite)
    return text


def is_in_normal_flow(self: Any) -> bool:
    """Whether a box is neither positioned, floated nor running; asked of every box a dozen times."""
    known: bool | None = self.style.__dict__.get("in_flow")
    if known is None:
        known = bool(_in_flow(self))
        if is_kept(self.style):
            self.style.in_flow = known
    return known


def avoid_collisions(
    context: Any,
    box: Any,
    containing_block: Any,
    outer: bool = True,  # noqa: FBT001, FBT002 - WeasyPrint's own
) -> Any:
    """Find room for a line: at once, where nothing floats."""
    simple = not context.excluded_shapes and type(box) is boxes.LineBox and box.style["float"] == "none"
    bare = outer or not (box.margin_left or box.margin_right or box.margin_top)
    if not (simple and bare) or containing_block.style["direction"] != "ltr":
        return _avoid_collisions(context, box, containing_block, outer)
    left = containing_block.content_box_x()
    return left, box.position_y, left + containing_block.width - left  # rounded as WeasyPrint rounds it


def unfitting() -> list[str]:
    """The libraries that keep their own functions, each with its version."""
    versions = (("pydyf", pydyf.VERSION, _PYDYF), ("tinyhtml5", tinyhtml5.VERSION, _TINYHTML5))
    return [f"{name} is {here}" for name, here, wanted in versions if here != wanted]


def install() -> None:
    """Put the remembering functions in their places."""
    font_features.install()
    for module in (inline, preferred):
        module.can_break_text = lru_cache(5_000)(_can_break_text)
    boxes.Box.is_in_normal_flow = is_in_normal_flow
    inline.avoid_collisions = avoid_collisions
    if pydyf.VERSION == _PYDYF:
        pydyf._to_bytes = to_bytes  # noqa: SLF001 - the function that is replaced
    if tinyhtml5.VERSION == _TINYHTML5:
        _stream.chars_until = chars_until


def uninstall() -> None:
    """Give the libraries their own functions back."""
    font_features.uninstall()
    for module in (inline, preferred):
        module.can_break_text = _can_break_text
    boxes.Box.is_in_normal_flow = _in_flow
    inline.avoid_collisions = _avoid_collisions
    pydyf._to_bytes = _to_bytes  # noqa: SLF001 - likewise
    _stream.chars_until = _chars_until
