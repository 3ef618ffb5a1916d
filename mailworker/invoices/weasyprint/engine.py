"""WeasyPrint, as fast as it goes: everything that one page does not change is made once.

Only this module and `fetching` know WeasyPrint. It is not thread-safe, and with Pango 1.56 a
FontConfiguration made before a fork hangs the child: make one Engine per process, after its start.
"""

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from hashlib import md5
from typing import Any
from xml.etree.ElementTree import Element, ParseError, fromstring

import cssselect2  # type: ignore[import-untyped]
from weasyprint import CSS, DEFAULT_OPTIONS, HTML, Document
from weasyprint.logger import LOGGER
from weasyprint.text.fonts import FontConfiguration

from mailworker.config.invoice import InvoiceSettings
from mailworker.core.plural import counted
from mailworker.errors import Misconfigured, RenderFailed
from mailworker.invoices.asset_files import FONTS, OURS, Assets
from mailworker.invoices.page.call_detail import Sheet, height_rules
from mailworker.invoices.page_reuse.draw_call_rows import stamp
from mailworker.invoices.page_reuse.kept_forms import PageForms
from mailworker.invoices.pdfa import complete_metadata, conforming, not_archival
from mailworker.invoices.tagged_table_headers import complete_headers
from mailworker.invoices.url_fetcher import BASE, QR, LockedFetcher
from mailworker.invoices.weasyprint import faster_layout
from mailworker.invoices.weasyprint.font_features import font_configuration
from mailworker.invoices.weasyprint.kept_styles import KeptDocument, StyleMemory
from mailworker.invoices.weasyprint.kept_template import TemplateHTML, TemplateStyles

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


#: After so many pages, garbage of every age is looked for, and what is alive then is taken out of the search.
_FULL_COLLECTION = 20
#: After so many, that is looked through again: forms that were given up.
_THAW = 400

Finish = Callable[[Document], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PagePart:
    """What to draw. `ours` pages are well-formed XML for our stylesheet; others are read as HTML."""

    source: str
    ours: bool
    title: str
    language: str
    issued: date
    variant: str | None
    tagged: bool
    qr: bytes
    stamped: Sequence[Sheet]
    dpi: int | None

    @property
    def options(self) -> dict[str, Any]:
        """WeasyPrint's options for this page, the same for layout and writing."""
        return {"pdf_variant": self.variant, "pdf_tags": self.tagged, "dpi": self.dpi}


def _parsed(source: str) -> Element:
    try:
        return fromstring(source)  # noqa: S314 - expat here refuses entity bombs; the source is our template's
    except ParseError as wrong:
        raise RenderFailed(f"The page is not well-formed at line {wrong.position[0]}.") from None


class _OurHTML(HTML):  # type: ignore[misc]
    """Our own page: parsed by expat, and styled from the short list above (a third faster to cascade)."""

    def __init__(self, root: Element, fetcher: LockedFetcher, small_ua: CSS, memory: StyleMemory) -> None:
        self.small_ua = small_ua
        self.memory = memory
        self.base_url = BASE
        self.url_fetcher = fetcher
        self.media_type = "print"
        self.wrapper_element = cssselect2.ElementWrapper.from_html_root(root, content_language=None)
        self.etree_element = self.wrapper_element.etree_element

    def render(self, font_config: FontConfiguration, **options: Any) -> Document:
        """Lay the page out; with styles that are remembered, where that is known to work."""
        kind = KeptDocument if faster_layout.active() else Document
        return kind._render(self, font_config, None, None, DEFAULT_OPTIONS | options)  # noqa: SLF001 - as HTML.render does

    def _ua_stylesheets(self, forms: bool = False) -> list[CSS]:  # noqa: FBT001, FBT002, ARG002 - WeasyPrint's own
        return [self.small_ua]


class _Log(logging.Handler):
    """Counts characters that no font has, and broken pictures. Log texts may be personal, so none is kept."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.missing_glyphs = 0
        self.pictures = 0

    def listen(self) -> None:
        """Begin another invoice: take WeasyPrint's messages, and let nobody else have them."""
        self.missing_glyphs = self.pictures = 0
        LOGGER.addHandler(self)
        LOGGER.propagate = False

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Count nothing of what is tried meanwhile: the page itself is drawn before or after it."""
        counted = self.missing_glyphs, self.pictures
        yield
        self.missing_glyphs, self.pictures = counted

    def leave(self) -> None:
        """Stop listening."""
        LOGGER.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Look at the kind of message only."""
        self.missing_glyphs += str(record.msg).startswith(".notdef")
        self.pictures += str(record.msg).startswith("Failed to render SVG")


class RenderEngine:
    """Draws pages. One per process, kept for its life."""

    def __init__(self, settings: InvoiceSettings) -> None:
        self.fetcher = LockedFetcher(Assets(settings), settings.seller.logo, rgb=settings.e_invoice != "none")
        quick = faster_layout.install()
        self.fonts = font_configuration() if quick else FontConfiguration()
        self.small_ua = CSS(string=_SMALL_UA)
        self.memory = StyleMemory()
        self.templates = TemplateStyles(self.fetcher, self.fonts)
        self.accent = settings.seller.colour
        self.styles = [self._style(settings.seller.colour)]
        self.images: dict[str, Any] = {}
        self.forms = PageForms(self.fetcher, self.fonts, self.images)
        self.log = _Log()
        self.drawn = 0
        #: Why the last page's file is no PDF/A-3, where it was to be one.
        self.causes: list[str] = []
        if settings.seller.logo:
            self.fetcher.assets.read(settings.seller.logo)

    def _style(self, colour: str) -> CSS:
        text = (OURS / "style.css").read_text("utf-8").replace(_ACCENT, colour) + height_rules()
        return CSS(
            string=text, font_config=self.fonts, base_url=FONTS.as_uri() + "/", url_fetcher=_FontFetcher()
        )

    def draw(self, page: PagePart, finish: Finish | None = None) -> bytes:
        """The PDF. `finish` may change the document before it is written, and give options for that."""
        self.fetcher.reset(page.qr)
        self.log.listen()
        gc.disable()  # a tree of boxes is no garbage while it grows; afterwards all of it is
        self.causes.clear()
        try:
            pdf = self._written(page, finish)
            if self.log.missing_glyphs and page.variant:
                self.causes.append("characters have no font")
            if self.causes:  # written once more, without the label that would not be true
                self.log.missing_glyphs = 0
                pdf = self._written(replace(page, variant=None), finish)
        finally:
            self.log.leave()
            self._forget_passing_images()
            self._collect()
            gc.enable()
        if missing := self.fetcher.missing:
            all_in_files = all(isinstance(fault, Misconfigured) for fault in missing)
            kind = Misconfigured if all_in_files else RenderFailed  # a picture in the page is this invoice's
            raise kind(" ".join(sorted({str(fault) for fault in missing})))
        return pdf

    def _collect(self) -> None:
        """Free the page's boxes, which point at each other; now and then what is left of earlier pages.

        Hundreds of kept forms are a million objects: to look through them each time takes longer than a page.
        """
        self.drawn += 1
        if self.drawn % _FULL_COLLECTION:
            gc.collect(0)
            return
        if self.drawn % _THAW == 0:
            gc.unfreeze()
        gc.collect()
        gc.freeze()

    def _written(self, page: PagePart, finish: Finish | None) -> bytes:
        document = self._lay_out_ours(page) if page.ours else self._lay_out_theirs(page)
        if page.stamped:
            stamp(document, page.stamped, self.accent)
        more = finish(document) if finish else {}
        if page.variant:
            more["finisher"] = conforming(more.get("finisher"), self.causes)
        if page.tagged:
            more["finisher"] = complete_headers(more.get("finisher"))
        complete_metadata(document, page.title, page.language, page.issued)
        pdf: bytes = document.write_pdf(**page.options, **more)
        return pdf

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the last page does not show as it should."""
        warnings = []
        if self.fetcher.blocked:
            one = self.fetcher.blocked == 1
            what = "1 picture or file" if one else f"{self.fetcher.blocked} pictures or files"
            words = ("was", "it") if one else ("were", "them")
            warnings.append(f"{what} from outside {words[0]} left out: put {words[1]} into invoice.assets.")
        if self.log.missing_glyphs:
            what = counted(self.log.missing_glyphs, "character has", "characters have")
            warnings.append(f"{what} no font on this host: install fonts-noto-core and fonts-noto-cjk.")
        if self.log.pictures:
            warnings.append(f"{counted(self.log.pictures, 'picture')} could not be drawn: look at the files.")
        if self.causes:
            warnings.append(not_archival(self.causes))
        return tuple(warnings)

    def _lay_out_ours(self, page: PagePart) -> Document:
        root = _parsed(page.source)
        formed = faster_layout.active() and not page.tagged and page.dpi is None
        with self.log.aside():
            document = self.forms.fill(root) if formed else None
        if document is None:
            html = _OurHTML(root, self.fetcher, self.small_ua, self.memory)
            document = html.render(
                stylesheets=self.styles, font_config=self.fonts, cache=self.images, **page.options
            )
            with self.log.aside():
                if formed:
                    document = self.forms.learn(root, document)
        return document

    def _lay_out_theirs(self, page: PagePart) -> Document:
        if faster_layout.active():
            html = TemplateHTML(page.source, self.fetcher, self.templates)
            return html.render(cache=self.images, **page.options)
        plain = HTML(string=page.source, base_url=BASE, url_fetcher=self.fetcher)
        # A template's own @font-face rules would pile up in the shared configuration.
        fonts = FontConfiguration() if "@font-face" in page.source else self.fonts
        return plain.render(font_config=fonts, cache=self.images, **page.options)

    def _forget_passing_images(self) -> None:
        """WeasyPrint remembers a failed picture as None for ever; inline ones belong to one invoice only.

        A picture's bytes stand in the same dict, under keys that begin with the digest of its address.
        """
        passing = ("data:", QR)
        gone = [url for url, image in self.images.items() if image is None or url.startswith(passing)]
        digests = tuple(md5(str(url).encode(), usedforsecurity=False).hexdigest() for url in gone)
        for key in [key for key in self.images if key in gone or str(key).startswith(digests)]:
            del self.images[key]


class _FontFetcher(LockedFetcher):
    """Gives our stylesheet the files beside it."""

    def __init__(self) -> None:
        super().__init__(Assets(InvoiceSettings()), "")

    def fetch(self, url: str, headers: object = None) -> Any:
        """A font of the package."""
        return super().fetch(BASE + url.rsplit("/", 1)[-1], headers)
