"""Rows of call detail, drawn straight onto the laid-out page.

A row in a fixed-width font needs no layout: its position follows from its number. WeasyPrint lays out the
page with an empty block where the rows go, embeds the font and writes the file; only the rows' text operators
are ours (the same page as `pre` text takes ten times as long, and is used where a character is not in the
font).
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from tinycss2.color5 import parse_color  # type: ignore[import-untyped]
from weasyprint import Document
from weasyprint.text.line_break import strut

from mailworker.invoices.asset_files import FONTS
from mailworker.invoices.page.call_detail import Sheet
from mailworker.invoices.page_reuse.form import FilledPage

_FAMILY = "Mailworker Mono"
#: Every character's width, in thousandths of the font's size.
_WIDTH = 600


@cache
def glyphs() -> dict[str, str]:
    """Each character that the font has -> its glyph's number, as PDF writes it."""
    with TTFont(FONTS / "mono-regular.ttf") as font:
        return {chr(code): f"{font.getGlyphID(name):04x}" for code, name in font.getBestCmap().items()}


def can_stamp(sheets: Sequence[Sheet]) -> bool:
    """Whether the font has every character of these rows."""
    return all(glyphs().keys() >= set(text) - {"\n"} for sheet in sheets for _, text in sheet.parts)


def stamp(document: Document, sheets: Sequence[Sheet], accent: str) -> None:
    """Have the rows drawn onto each page that has an empty block for them, when it is painted."""
    for page in document.pages:
        for box in _blocks(page):
            number = box.element.get("data-sheet") if box.element is not None else None
            if number is not None:
                page.paint = _StampedPage(page.paint, box, sheets[int(number)], parse_color(accent)).paint


def _blocks(page: Any) -> Iterable[Any]:
    """The boxes of a page: those that WeasyPrint laid out, or those that a form keeps."""
    if isinstance(page, FilledPage):
        return page.blocks
    boxes: Iterable[Any] = page._page_box.descendants()  # noqa: SLF001 - where WeasyPrint keeps what it laid out
    return boxes


class _StampedPage:
    """How a page is painted, the block where its rows go, and the rows."""

    def __init__(self, below: Callable[[Any, float], None], box: Any, sheet: Sheet, accent: Any) -> None:
        self.below = below
        self.box = box
        self.sheet = sheet
        self.accent = accent

    def paint(self, stream: Any, scale: float = 1) -> None:
        """Paint the page, then its rows on top."""
        self.below(stream, scale)
        # The table's head, in the same font, has just brought it into the document.
        font = next(font for font in stream._fonts.values() if font.family == _FAMILY)  # noqa: SLF001
        with stream.stacked():
            stream.transform(a=scale, d=scale)
            self._write(stream, font)

    def _write(self, stream: Any, font: Any) -> None:
        style = self.box.style
        height, baseline = strut(style)
        x, y = self.box.content_box_x(), self.box.content_box_y() + baseline
        numbers = glyphs()
        for marked, text in self.sheet.parts:
            stream.set_color(self.accent if marked else style["color"])
            stream.begin_text()
            stream.set_font_size(font.hash, style["font_size"])
            for line in text.splitlines():
                if line:
                    stream.set_text_matrix(1, 0, 0, -1, x, y)
                    stream.show_text(f"<{''.join([numbers[letter] for letter in line])}>")
                y += height
            stream.end_text()
            self._declare(font, text)

    def _declare(self, font: Any, text: str) -> None:
        """Tell the font which glyphs are used: what to embed, how wide they are, what they mean."""
        for letter in set(text) - {"\n"}:
            number = int(glyphs()[letter], 16)
            font.to_unicode.setdefault(number, letter)
            font.widths.setdefault(number, _WIDTH)
