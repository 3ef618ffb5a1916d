"""Makes a form of a page that WeasyPrint has laid out: what was drawn, and which word stands where.

Whatever is not understood is held fast: a word whose position this arithmetic does not give to the last bit
may not change, and a page with a drawing of an unknown sort becomes no form at all.
"""

from collections.abc import Iterator
from typing import Any

from weasyprint import Document
from weasyprint.formatting_structure import boxes
from weasyprint.layout import inline

from mailworker.invoices.page_reuse.form import (
    DoesNotFit,
    FormLink,
    FormPage,
    MarginText,
    PageForm,
    Paragraph,
    Slot,
    TextRow,
)
from mailworker.invoices.page_reuse.margin_strings import PageStrings
from mailworker.invoices.page_reuse.recorder import recorded
from mailworker.invoices.page_reuse.shape import PageShape
from mailworker.invoices.weasyprint.glyph_runs import NotPlain, RunFonts


class _Capture:
    """One laid-out invoice on its way to a form."""

    def __init__(self, shape: PageShape, fonts: RunFonts) -> None:
        self.shape = shape
        self.fonts = fonts
        self.slots: list[Slot] = []
        self.numbers: dict[int, int] = {}
        self.words: list[str] = list(shape.texts)
        self.margins: list[MarginText] = []
        self.paragraphs: list[Paragraph] = []
        #: Words that may change, and those that stand somewhere where they may not.
        self.free: set[int] = {index for index, owner in enumerate(shape.owners) if owner.tag == "title"}
        self.fast: set[int] = set()
        self.worded = {id(element): index for index, element in enumerate(shape.worded)}
        self.of_owner: dict[int, list[int]] = {}
        for index, owner in enumerate(shape.owners):
            self.of_owner.setdefault(id(owner), []).append(index)

    def slot_of(self, box: Any) -> int:
        """The number of a text on the page."""
        if id(box) not in self.numbers:
            run = None
            if box.text.strip():
                run = self.fonts.run_of(box.pango_layout, box.style, box.text)
            y = box.position_y + box.baseline
            metrics = _metrics(box)
            self.numbers[id(box)] = len(self.slots)
            self.slots.append(Slot(box.style, box.text, box.position_x, y, box.width, metrics, run))
        return self.numbers[id(box)]

    def draw(self, page: Any, picture: Any) -> FormPage:
        """Note how a page is drawn."""
        operators = recorded(page, self.slot_of, picture)
        if page.anchors or page.bookmarks or page.forms != {None: []}:
            raise DoesNotFit
        links = [self._link(link) for link in page.links]
        blocks = [
            box.copy_with_children([])
            for box in page._page_box.descendants()  # noqa: SLF001 - likewise
            if box.element is not None and box.element.get("data-sheet") is not None
        ]
        return FormPage(page.width, page.height, page.bleed, operators, links, blocks)

    def _link(self, link: tuple[Any, ...]) -> FormLink:
        kind, _, (left, top, right, bottom), box = link
        texts = [child for child in box.children if isinstance(child, boxes.TextBox)]
        if kind != "external" or len(texts) != 1 or id(box.element) not in self.worded:
            raise DoesNotFit
        number = self.slot_of(texts[0])
        slot = self.slots[number]
        if (left, right) != (slot.x, slot.x + slot.width):
            raise DoesNotFit
        return FormLink(self.worded[id(box.element)], number, top, bottom)

    def read_flow(self, root: Any) -> None:
        """Find the words of a page's blocks."""
        for block, lines in _blocks(root):
            self._read_lines(block, lines, self.of_owner)

    def read_margin(self, margin: Any, text: MarginText) -> None:
        """Find the words of a margin box."""
        pieces = text.pieces(self.shape)
        numbers = [len(self.words) + index for index, piece in enumerate(pieces) if piece]
        self.margins.append(text)
        self.words += pieces
        for block, lines in _blocks(margin):
            everything = {id(box.element): numbers for line in lines for box in _texts(line)}
            self._read_lines(block, lines, everything)

    def _read_lines(self, block: Any, lines: list[Any], candidates: dict[int, list[int]]) -> None:
        """Make a paragraph of a block's lines; words that it places as they are may change."""
        whose = _Words(self.words, candidates)
        found = [[(whose.of(box), self.slot_of(box)) for box in _texts(line)] for line in lines]
        style = lines[0].style
        align = style["text_align_all"]
        same = style["text_align_last"] in ("auto", align)
        room = block.content_box_x(), block.width, align in ("end", "right")
        plain = same and style["direction"] == "ltr" and align in ("start", "left", "end", "right")
        rows = _rows(found, whose.whole) if plain else ()
        kept = tuple(row for row in rows if self._holds(Paragraph(*room, (row,))))
        paragraph = Paragraph(*room, kept)
        self.free |= paragraph.words
        self.fast |= {word for line in found for word, _ in line if word is not None} - paragraph.words
        self.paragraphs += [paragraph] if kept else []

    def _holds(self, paragraph: Paragraph) -> bool:
        """Whether this arithmetic gives to the last bit what WeasyPrint laid out."""
        form = PageForm(self.fonts, [], self.slots, [], self.words, [], frozenset())
        try:
            placed = dict(form.lay(paragraph, self.words))
        except (DoesNotFit, NotPlain):
            return False
        return all(
            (slot.x, slot.width, slot.run) == (here.x, here.width, here.run)
            for slot, here in ((self.slots[number], one) for number, one in placed.items())
        )


class _Words:
    """Finds which word a text box shows, as the boxes come in the page's order."""

    def __init__(self, words: list[str], left: dict[int, list[int]]) -> None:
        self.words = words
        self.left = left
        self.rest: dict[int, str] = {}
        self.whole: set[int] = set()

    def of(self, box: Any) -> int | None:
        """The word's number; None for white space. Raises DoesNotFit where there is none."""
        shown = box.text.strip()
        if not shown:
            return None
        for number in self.left.get(id(box.element), ()):
            rest = self.rest.get(number, self.words[number]).strip()
            if rest.startswith(shown) and number not in self.whole:
                self.rest[number] = rest[len(shown) :].strip()
                if not self.rest[number]:
                    self.whole.add(number)
                return number
        raise DoesNotFit


def _blocks(root: Any) -> Iterator[tuple[Any, list[Any]]]:
    """Every block below with its lines."""
    for block in root.descendants():
        if isinstance(block, boxes.ParentBox):
            lines = [child for child in block.children if isinstance(child, boxes.LineBox)]
            if lines:
                yield block, lines


def _metrics(box: Any) -> tuple[float, float]:
    """Height and baseline of a text's glyphs, as they came from Pango."""
    *_, height, baseline = inline.split_first_line(
        box.text or " ", box.style, None, None, 0, is_line_start=True
    )
    return height, baseline


def _texts(line: Any) -> list[Any]:
    return [box for box in line.descendants() if isinstance(box, boxes.TextBox)]


def _rows(found: list[list[tuple[int | None, int]]], whole: set[int]) -> Iterator[TextRow]:
    """Sort a block's lines: texts that have lines of their own, and lines that several share."""
    lone: dict[int, list[tuple[int | None, int]]] = {}
    shared: set[int] = set()
    for line in found:
        words = {word for word, _ in line if word is not None}
        if len(words) > 1:
            shared |= words
    for line in found:
        words = {word for word, _ in line if word is not None}
        if len(words) == 1 and not words & shared:
            (word,) = words
            lone.setdefault(word, []).extend(item for item in line if item[0] is not None)
        elif words and words <= whole and not words & lone.keys():
            yield TextRow(tuple(line), shared=True)
    for word, items in lone.items():
        if word in whole:
            yield TextRow(tuple(items), shared=False)


def capture(document: Document, shape: PageShape, fonts: RunFonts, picture: Any) -> PageForm | None:
    """The form of a laid-out document; None where its drawing has more than a form can repeat."""
    work = _Capture(shape, fonts)
    strings = PageStrings(work.worded)
    try:
        pages = [work.draw(page, picture) for page in document.pages]
        for number, page in enumerate(document.pages, 1):
            box = page._page_box  # noqa: SLF001 - where WeasyPrint keeps its boxes
            margins = [child for child in box.children if isinstance(child, boxes.MarginBox)]
            for child in box.children:
                if not isinstance(child, boxes.MarginBox):
                    work.read_flow(child)
            strings.turn(box)
            for margin in margins:
                work.read_margin(margin, strings.text_of(margin, box, number, len(document.pages)))
    except (DoesNotFit, NotPlain):
        return None
    fixed = frozenset(range(len(work.words))) - work.free | work.fast
    return PageForm(fonts, pages, work.slots, work.margins, work.words, work.paragraphs, fixed)
