"""A page that was laid out once, filled in with the words of other invoices.

Invoices of one month differ in words and amounts, hardly in shape. Where every text of a new invoice takes
as many lines as it took in an earlier one of the same shape, all else on the page stays where it was: every
width of our stylesheet is given, and every height follows from the lines. Then only texts are placed anew, by
the arithmetic that WeasyPrint uses, and the drawing is repeated as it was noted. Where a text takes more
lines or fewer, the form does not fit, and the page is laid out. Written for WeasyPrint 70.0; the tests
compare the PDFs byte by byte.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from weasyprint.layout import inline
from weasyprint.urls import get_link

from mailworker.invoices.page_reuse.shape import PageShape
from mailworker.invoices.url_fetcher import BASE
from mailworker.invoices.weasyprint.glyph_runs import GlyphRun, NotPlain, RunFonts

#: What takes more than glyphs in a row: spaces that collapse, soft hyphens, scripts from right to left.
_NOT_PLAIN = re.compile(
    r"[\x00-\x1f\xad\u0590-\u08ff\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufb1d-\ufdff\ufe70-\ufeff]"
)
_COLLAPSING = re.compile(r"^ |  | $")
_COLLAPSES = ("normal", "nowrap", "pre-line")


#: A number is a slot; else a method of WeasyPrint's stream with its arguments.
Operator = int | tuple[str, tuple[Any, ...]]


class DoesNotFit(Exception):
    """A text that takes other room than it had."""


@dataclass(slots=True)
class Slot:
    """One text on a page: how it looks, where it stands, and what it writes."""

    style: Any
    text: str
    x: float
    y: float
    width: float
    #: Height and baseline of its glyphs: with other ones (of another font), its line would lie elsewhere.
    metrics: tuple[float, float]
    run: GlyphRun | None


@dataclass(frozen=True, slots=True)
class Placed:
    """The same for the words of another invoice."""

    x: float
    width: float
    run: GlyphRun | None


@dataclass(frozen=True, slots=True)
class TextRow:
    """One text on lines of its own, or several that share a line: (which word, which slot) each."""

    items: tuple[tuple[int | None, int], ...]
    shared: bool


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A block's lines: their room, and whether they begin at its left edge or end at its right one."""

    x: float
    width: float
    to_the_right: bool
    rows: tuple[TextRow, ...]

    @property
    def words(self) -> frozenset[int]:
        """Which words stand in it."""
        return frozenset(word for row in self.rows for word, _ in row.items if word is not None)


@dataclass(frozen=True, slots=True)
class MarginText:
    """What stands in a margin box: texts, and words in attributes (which element, which attribute)."""

    parts: tuple[str | tuple[int, str], ...]

    def pieces(self, shape: PageShape) -> list[str]:
        """Its lines, with the words of this page."""
        texts = [
            part if isinstance(part, str) else shape.worded[part[0]].get(part[1], "") for part in self.parts
        ]
        return "".join(texts).split("\n")


@dataclass(frozen=True, slots=True)
class FormLink:
    """A link: the element whose `href` it has, the slot that it lies under, its upper and lower edge."""

    worded: int
    slot: int
    top: float
    bottom: float


@dataclass(slots=True)
class FormPage:
    """One page: the operators in their order (a number is a slot), and what lies on it."""

    width: float
    height: float
    bleed: dict[str, float]
    operators: list[Operator]
    links: list[FormLink]
    blocks: list[Any]


@dataclass(slots=True)
class PageForm:
    """All pages of one laid-out invoice."""

    fonts: RunFonts
    pages: list[FormPage]
    slots: list[Slot]
    margins: list[MarginText]
    words: list[str]
    paragraphs: list[Paragraph]
    #: Words that stand on the page in a way that only WeasyPrint can place.
    fixed: frozenset[int]
    by_word: list[tuple[frozenset[int], Paragraph]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.by_word = [(paragraph.words, paragraph) for paragraph in self.paragraphs]

    @property
    def parts(self) -> int:
        """How much it holds: texts, and what is drawn."""
        return len(self.slots) + sum(len(page.operators) for page in self.pages)

    def words_of(self, shape: PageShape) -> list[str]:
        """Every word of a page of this shape: those in its flow, then those in its margins."""
        margins = [piece for margin in self.margins for piece in margin.pieces(shape)]
        return shape.texts + margins

    def fill(self, shape: PageShape) -> list["FilledPage"]:
        """The pages with other words. Raises DoesNotFit or NotPlain where they have to be laid out."""
        words = self.words_of(shape)
        if len(words) != len(self.words):
            raise DoesNotFit
        changed = {index for index, word in enumerate(words) if word != self.words[index]}
        if changed & self.fixed:
            raise DoesNotFit
        placed: dict[int, Placed] = {}
        for known, paragraph in self.by_word:
            if changed & known:
                placed.update(self.lay(paragraph, words))
        return [FilledPage(self, page, shape, placed) for page in self.pages]

    def lay(self, paragraph: Paragraph, words: Sequence[str]) -> Iterator[tuple[int, Placed]]:
        """Place a paragraph's texts."""
        for row in paragraph.rows:
            if row.shared:
                yield from self._lay_line(paragraph, row, words)
            else:
                yield from self._lay_text(paragraph, row, words)

    def _lay_text(
        self, paragraph: Paragraph, row: TextRow, words: Sequence[str]
    ) -> Iterator[tuple[int, Placed]]:
        """A text on lines of its own, broken where WeasyPrint breaks it."""
        word = row.items[0][0]
        rest = words[word] if word is not None else ""
        style = self.slots[row.items[0][1]].style
        _check(rest, style)
        resume: int | None = 0
        for _, slot in row.items:
            if resume is None:
                raise DoesNotFit
            layout, _, resume, width, *metrics = inline.split_first_line(
                rest, style, None, paragraph.width, 0, is_line_start=True
            )
            shown = layout.text.rstrip(" ") if style["white_space"] in _COLLAPSES else layout.text
            if shown != layout.text:
                layout, _, _, width, *metrics = inline.split_first_line(
                    shown, style, None, None, 0, is_line_start=True
                )
            if tuple(metrics) != self.slots[slot].metrics:
                raise DoesNotFit
            yield slot, self._placed(paragraph, paragraph.x, width, layout, style)
            if resume is not None:
                rest = rest.encode()[resume:].decode().lstrip(" ")
        if resume is not None:
            raise DoesNotFit

    def _lay_line(
        self, paragraph: Paragraph, row: TextRow, words: Sequence[str]
    ) -> Iterator[tuple[int, Placed]]:
        """Several texts on one line."""
        x = paragraph.x
        edge = paragraph.x + paragraph.width
        line: list[tuple[int, float, float, GlyphRun | None]] = []
        for index, (word, slot) in enumerate(row.items):
            known = self.slots[slot]
            width, run = known.width, known.run
            if word is not None:
                _check(words[word], known.style)
                layout, _, resume, width, *metrics = inline.split_first_line(
                    words[word], known.style, None, edge - x, 0, is_line_start=index == 0
                )
                if resume is not None or x + width > edge or tuple(metrics) != known.metrics:
                    raise DoesNotFit
                run = self.fonts.run_of(layout, known.style, layout.text)
            line.append((slot, x, width, run))
            x += width
        taken = x - paragraph.x
        shift = paragraph.width - taken if paragraph.to_the_right and taken < paragraph.width else 0
        for slot, left, width, run in line:
            yield slot, Placed(left + shift, width, run)

    def _placed(self, paragraph: Paragraph, x: float, width: float, layout: Any, style: Any) -> Placed:
        if paragraph.to_the_right and width < paragraph.width:
            x += paragraph.width - width
        return Placed(x, width, self.fonts.run_of(layout, style, layout.text))


def _check(text: str, style: Any) -> None:
    """Raise NotPlain for a text whose characters WeasyPrint would change, or not set one after the other."""
    if _NOT_PLAIN.search(text) or (style["white_space"] in _COLLAPSES and _COLLAPSING.search(text)):
        raise NotPlain


class FilledPage:
    """Stands in a document where a laid-out page would."""

    def __init__(self, form: PageForm, page: FormPage, shape: PageShape, placed: dict[int, Placed]) -> None:
        self.form, self.operators, self.placed = form, page.operators, placed
        self.width, self.height, self.bleed = page.width, page.height, page.bleed
        self.bookmarks: list[Any] = []
        self.anchors: dict[str, Any] = {}
        self.forms: dict[Any, Any] = {None: []}
        self.blocks = page.blocks
        self.links = [self._link(link, shape) for link in page.links]
        #: The picture that stands for itself in `operators`.
        self.picture: Any = None

    def _link(self, link: FormLink, shape: PageShape) -> tuple[Any, ...]:
        found = get_link(shape.worded[link.worded].get("href", ""), BASE)
        if found is None or found[1][0] != "external":
            raise DoesNotFit
        slot = self.placed.get(link.slot) or self.form.slots[link.slot]
        edges = (slot.x, link.top, slot.x + slot.width, link.bottom)
        return "external", found[1][1], edges, SimpleNamespace()

    def paint(self, stream: Any, scale: float = 1) -> None:
        """Repeat the drawing, with these words and this picture."""
        with stream.stacked():
            stream.transform(a=scale, d=scale)
            name = ""
            for operator in self.operators:
                if isinstance(operator, int):
                    self._write(stream, operator)
                elif operator[0] == "add_image":
                    image, *how = operator[1]
                    name = stream.add_image(image or self.picture, *how)
                elif operator[0] == "draw_x_object":
                    stream.draw_x_object(name)
                else:
                    getattr(stream, operator[0])(*operator[1])

    def _write(self, stream: Any, number: int) -> None:
        slot = self.form.slots[number]
        here = self.placed.get(number) or slot
        stream.set_color(slot.style["color"])
        stream.begin_text()
        if here.run is not None:
            self.form.fonts.write(stream, here.run, here.x, slot.y)
        stream.end_text()
