"""Texts as they are written into a PDF: shaped once, written on every page that has them.

WeasyPrint asks Pango for each glyph of each text each time that it is drawn. The operators that it writes
follow from the text and its style alone, but for the position; so they are kept with the shaped text. Written
for WeasyPrint 70.0; the tests compare the PDFs byte by byte.
"""

from copy import copy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from weasyprint.draw.text import draw_first_line
from weasyprint.matrix import Matrix
from weasyprint.pdf.fonts import Font
from weasyprint.text.ffi import ffi
from weasyprint.text.fonts import get_pango_font_key


class NotPlain(Exception):
    """A text that needs more than glyphs of a font: a picture, or a character that no font has."""


@dataclass(frozen=True, slots=True)
class GlyphRun:
    """What one text writes: operators, and by font what its glyphs mean and how wide they are."""

    operators: tuple[tuple[str, tuple[Any, ...]], ...]
    fonts: tuple[tuple[int, dict[int, str], dict[int, int]], ...]


class _NotedFont:
    """Stands in for a font while a text is drawn for the first time."""

    def __init__(self, font: Font) -> None:
        self.hash = font.hash
        self.bitmap = self.png = self.svg = self.colr = False
        self.to_unicode: dict[int, str] = {}
        self.widths: dict[int, int] = {}

    def get_unused_glyph_id(self, _codepoint: int) -> int:
        """No font has the character."""
        raise NotPlain


class _Note:
    """A stream that keeps what is written, without its position."""

    def __init__(self, fonts: "RunFonts") -> None:
        self.fonts = fonts
        self.noted: dict[int, _NotedFont] = {}
        self.operators: list[tuple[str, tuple[Any, ...]]] = []
        self.ink_rect = ffi.new("PangoRectangle *")
        self.logical_rect = ffi.new("PangoRectangle *")

    def set_text_matrix(self, *_place: float) -> None:
        """Every page has its own."""

    def add_font(self, pango_font: Any) -> tuple[_NotedFont, float]:
        """Find the font of a stretch of glyphs."""
        key, size = self.fonts.learn(pango_font)
        if key not in self.noted:
            self.noted[key] = _NotedFont(self.fonts.known[key])
        return self.noted[key], size

    def set_font_size(self, name: str, size: float) -> None:
        """Note an operator."""
        self.operators.append(("set_font_size", (name, size)))

    def show_text(self, text: str) -> None:
        """Note an operator."""
        self.operators.append(("show_text", (text,)))

    def set_text_rise(self, rise: float) -> None:
        """Note an operator."""
        self.operators.append(("set_text_rise", (rise,)))


class RunFonts:
    """The fonts of kept runs, by Pango's key; each document gets a copy, with its own glyphs."""

    def __init__(self) -> None:
        self.known: dict[int, Font] = {}
        self._layouts: dict[int, Any] = {}
        self._layout: Any = None

    def learn(self, pango_font: Any) -> tuple[int, float]:
        """The font's key and size; its data are read once."""
        key, description, size = get_pango_font_key(pango_font)
        if key not in self.known:
            font = Font(pango_font, description, size)
            if font.bitmap or font.png or font.svg or font.colr:
                raise NotPlain
            self.known[key] = font
            self._layouts[key] = self._layout.layout  # its lines hold Pango's font
        return key, size

    def run_of(self, layout: Any, style: Any, text: str) -> GlyphRun:
        """A shaped text's operators. Raises NotPlain where it has other things than glyphs."""
        kept: GlyphRun | None = getattr(layout, "run", None)
        if kept is None:
            self._layout = layout
            note = _Note(self)
            layout.reactivate(style)
            box = SimpleNamespace(text=text, style=style, pango_layout=layout, baseline=0)
            draw_first_line(note, box, "clip", "none", Matrix(d=-1))
            layout.deactivate()
            fonts = tuple((key, font.to_unicode, font.widths) for key, font in note.noted.items())
            kept = layout.run = GlyphRun(tuple(note.operators), fonts)
        return kept

    def write(self, stream: Any, run: GlyphRun, x: float, y: float) -> None:
        """Write a run at a position, and add its glyphs to the document's fonts."""
        stream.set_text_matrix(1, 0, 0, -1, x, y)
        here = stream._fonts  # noqa: SLF001 - where WeasyPrint keeps a document's fonts
        for key, to_unicode, widths in run.fonts:
            font = here.get(key)
            if font is None:
                font = here[key] = copy(self.known[key])
                font.to_unicode, font.widths, font.missing = {}, {}, {}
            for glyph, meaning in to_unicode.items():
                font.to_unicode.setdefault(glyph, meaning)
            for glyph, width in widths.items():
                font.widths.setdefault(glyph, width)
        for name, arguments in run.operators:
            getattr(stream, name)(*arguments)
