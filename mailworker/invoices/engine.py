"""WeasyPrint, as fast as it goes: everything that one page does not change is made once.

Only this module and `fetching` know WeasyPrint. It is not thread-safe, and with Pango 1.56 a
FontConfiguration made before a fork hangs the child: make one Engine per process, after its start.
"""

import gc
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any
from xml.etree.ElementTree import ParseError, fromstring

import cssselect2  # type: ignore[import-untyped]
from weasyprint import CSS, HTML, Document
from weasyprint.text.fonts import FontConfiguration

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import RenderFailed
from mailworker.invoices.assets import FONTS, OURS, Assets
from mailworker.invoices.fetching import BASE, LockedFetcher

#: Stands in our stylesheet where the operator's colour goes.
_ACCENT = "#0b4f6c"
#: The few rules of a browser's own stylesheet that our templates need, instead of WeasyPrint's 180.
_SMALL_UA = """
html,body,div,p,h1,h2,table,pre,section,header,footer,ul,li { display: block }
head,title,meta,style,link { display: none }
table { display: table; border-collapse: separate; border-spacing: 0; text-indent: 0 }
thead { display: table-header-group } tbody { display: table-row-group } tfoot { display: table-footer-group }
tr { display: table-row } td,th { display: table-cell; padding: 0; vertical-align: inherit }
col { display: table-column } colgroup { display: table-column-group }
b,th,h1,h2 { font-weight: 700 } pre { white-space: pre } a { text-decoration: none }
br::before { content: "\\A"; white-space: pre-line }
svg,img { overflow: hidden }
"""


@dataclass(frozen=True, slots=True)
class Page:
    """What to draw. `ours` pages are well-formed XML for our stylesheet; others are taken as any browser would."""

    source: str
    ours: bool
    title: str
    language: str
    issued: date
    variant: str | None = None
    tagged: bool = False
    dpi: int | None = None


class _OurHTML(HTML):  # type: ignore[misc]
    """Our own page: parsed by expat, and styled from the short list above (a third faster to cascade)."""

    small_ua: CSS

    def __init__(self, source: str, fetcher: LockedFetcher, small_ua: CSS) -> None:
        self.small_ua = small_ua
        try:
            root = fromstring(source)  # noqa: S314 - expat here refuses entity bombs; the source is our template's
        except ParseError as wrong:
            raise RenderFailed(f"The page is not well-formed at line {wrong.position[0]}.") from None
        self.base_url = BASE
        self.url_fetcher = fetcher
        self.media_type = "print"
        self.wrapper_element = cssselect2.ElementWrapper.from_html_root(root, content_language=None)
        self.etree_element = self.wrapper_element.etree_element

    def _ua_stylesheets(self, forms: bool = False) -> list[CSS]:  # noqa: FBT001, FBT002, ARG002 - WeasyPrint's own
        return [self.small_ua]


class _ErrorLog(logging.Handler):
    """Keeps what WeasyPrint calls errors, such as a picture that cannot be read."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count it. Its text may hold an address from the invoice, so it is not kept."""
        del record
        self.count += 1


class Engine:
    """Draws pages. One per process, kept for its life."""

    def __init__(self, settings: InvoiceSettings) -> None:
        self.fetcher = LockedFetcher(Assets(settings), settings.seller.logo)
        self.fonts = FontConfiguration()
        self.small_ua = CSS(string=_SMALL_UA)
        self.styles = [self._style(settings.seller.colour)]
        self.images: dict[str, Any] = {}
        self.good_images: dict[str, Any] = {}
        self.errors = _ErrorLog()
        log = logging.getLogger("weasyprint")
        log.handlers = [self.errors]
        log.propagate = False
        if settings.seller.logo:
            self.fetcher.assets.read(settings.seller.logo)

    def _style(self, colour: str) -> CSS:
        text = (OURS / "style.css").read_text("utf-8").replace(_ACCENT, colour)
        return CSS(
            string=text, font_config=self.fonts, base_url=FONTS.as_uri() + "/", url_fetcher=_FontFetcher()
        )

    def draw(self, page: Page, finish: Callable[[Document], dict[str, Any]] | None = None) -> bytes:
        """The PDF. `finish` may change the document before it is written, and give further options for that."""
        self.fetcher.missing, self.fetcher.blocked, self.errors.count = [], 0, 0
        options: dict[str, Any] = {"pdf_variant": page.variant, "pdf_tags": page.tagged, "dpi": page.dpi}
        gc.disable()  # the tree of boxes has no cycles worth hunting while it grows
        try:
            document = self._lay_out(page, options)
            more = finish(document) if finish else {}
            self._settle(document, page)
            pdf: bytes = document.write_pdf(**options, **more)
        finally:
            gc.enable()
            gc.collect(1)
            self._forget_failed_images()
        if self.fetcher.missing:
            raise RenderFailed(" ".join(sorted(set(self.fetcher.missing))))
        return pdf

    def _lay_out(self, page: Page, options: dict[str, Any]) -> Document:
        if page.ours:
            html = _OurHTML(page.source, self.fetcher, self.small_ua)
            return html.render(stylesheets=self.styles, font_config=self.fonts, cache=self.images, **options)
        html = HTML(string=page.source, base_url=BASE, url_fetcher=self.fetcher)
        # A template's own @font-face rules would pile up in the shared configuration.
        fonts = FontConfiguration() if "@font-face" in page.source else self.fonts
        return html.render(font_config=fonts, cache=self.images, **options)

    def _settle(self, document: Document, page: Page) -> None:
        """The same invoice gives the same bytes: every date in the file is the invoice's own."""
        metadata = document.metadata
        metadata.title = metadata.title or page.title
        metadata.lang = metadata.lang or page.language
        metadata.created = metadata.modified = f"{page.issued.isoformat()}T00:00:00Z"

    def _forget_failed_images(self) -> None:
        """WeasyPrint remembers a failed picture as None for ever; inline ones belong to one invoice only."""
        if any(image is None or url.startswith("data:") for url, image in self.images.items()):
            self.images = dict(self.good_images)
        else:
            self.good_images = dict(self.images)


class _FontFetcher(LockedFetcher):
    """Gives our stylesheet the files beside it."""

    def __init__(self) -> None:
        super().__init__(Assets(InvoiceSettings()), "")

    def fetch(self, url: str, headers: object = None) -> Any:
        """A font of the package."""
        return super().fetch(BASE + url.rsplit("/", 1)[-1], headers)
