"""The forms that a rendering process keeps, by the shape of the page."""

from collections import OrderedDict
from typing import Any
from xml.etree.ElementTree import Element

from weasyprint import DEFAULT_OPTIONS, Document
from weasyprint.document import DocumentMetadata
from weasyprint.images import get_image_from_uri

from mailworker.invoices.page_reuse.capture import capture
from mailworker.invoices.page_reuse.form import DoesNotFit, PageForm
from mailworker.invoices.page_reuse.shape import PageShape, shape_of
from mailworker.invoices.url_fetcher import QR, LockedFetcher
from mailworker.invoices.weasyprint.glyph_runs import NotPlain, RunFonts

#: Shapes remembered, most of them seen only once.
_MOST_SHAPES = 10_000
#: Forms kept, and the texts and strokes in all of them, of 0.6 KiB each: 600 of one page, or 25 of 500 lines.
_MOST_FORMS = 600
_MOST_PARTS = 300_000
#: Texts of a page that becomes a form; one of more is laid out each time.
_MOST_TEXTS = 10_000
#: So many are made at first sight; then a shape has to come a second time.
_AT_ONCE = 300
#: Forms of one shape, whose texts take other numbers of lines.
_MOST_OF_A_SHAPE = 6


class PageForms:
    """Fills in a form where one fits, and makes forms of pages that were laid out. One per process."""

    def __init__(self, fetcher: LockedFetcher, fonts: Any, images: dict[str, Any]) -> None:
        self.fetcher, self.fonts, self.images = fetcher, fonts, images
        self.runs = RunFonts()
        self.seen: OrderedDict[bytes, None] = OrderedDict()
        self.forms: OrderedDict[bytes, list[PageForm]] = OrderedDict()
        self.kept = 0
        self.parts = 0
        self.filled = 0

    def fill(self, root: Element) -> Document | None:
        """The document of a page by a form; None where none fits."""
        shape = shape_of(root)
        forms = self.forms.get(shape.key)
        if forms is None:
            return None
        self.forms.move_to_end(shape.key)
        for form in forms:
            try:
                pages = form.fill(shape)
            except (DoesNotFit, NotPlain):
                continue
            self.filled += 1
            return self._document(root, shape, pages)
        return None

    def _document(self, root: Element, shape: PageShape, pages: list[Any]) -> Document:
        picture = self._picture()
        for page in pages:
            page.picture = picture
        title = next(
            (text for text, owner in zip(shape.texts, shape.owners, strict=True) if owner.tag == "title"),
            None,
        )
        metadata = DocumentMetadata(title=title, lang=root.get("lang"))
        return Document(pages, metadata, self.fetcher, self.fonts, {}, None)

    def _picture(self) -> Any:
        """The payment code of the current invoice."""
        if not self.fetcher.qr:
            return None
        return get_image_from_uri(self.images, self.fetcher, DEFAULT_OPTIONS, url=QR)

    def learn(self, root: Element, document: Document) -> Document:
        """Make a form of a page that was laid out, if its shape is likely to come again.

        Gives the document to write: the form itself then, for what was drawn once need not be drawn again.
        """
        shape = shape_of(root)
        again = shape.key in self.seen
        self.seen[shape.key] = None
        if len(self.seen) > _MOST_SHAPES:
            self.seen.popitem(last=False)
        likely = again or self.kept < _AT_ONCE
        few = len(self.forms.get(shape.key, ())) < _MOST_OF_A_SHAPE and len(shape.texts) <= _MOST_TEXTS
        if likely and few:
            form = capture(document, shape, self.runs, self.images.get(QR))
            if form is not None:
                self._keep(shape.key, form)
                return self._document(root, shape, form.fill(shape))
        return document

    def _keep(self, key: bytes, form: PageForm) -> None:
        self.forms.setdefault(key, []).insert(0, form)
        self.kept += 1
        self.parts += form.parts
        while self.kept > _MOST_FORMS or self.parts > _MOST_PARTS:
            _, gone = self.forms.popitem(last=False)
            self.kept -= len(gone)
            self.parts -= sum(form.parts for form in gone)
