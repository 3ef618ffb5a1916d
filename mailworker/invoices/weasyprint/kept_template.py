"""An operator's own template, with what does not change from one invoice to the next made once.

WeasyPrint parses the stylesheets of a document anew each time, loads its fonts, and computes each style. The
text of a template's stylesheets stays the same while its data changes, so they are kept by that text; and
since a computed style follows from its parent's style and the declarations that match, it is kept by these,
for whatever selectors there are. Written for WeasyPrint 70.0; the tests compare with what it does by itself.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any
from xml.etree.ElementTree import Element

from weasyprint import DEFAULT_OPTIONS, HTML, Document
from weasyprint.css import (
    find_style_attributes,
    find_stylesheets,
    get_child_text,
    preprocess_declarations,
)
from weasyprint.css.counters import CounterStyle
from weasyprint.css.targets import TargetCollector
from weasyprint.layout import LayoutContext
from weasyprint.text.fonts import FontConfiguration

from mailworker.invoices.url_fetcher import BASE, LockedFetcher
from mailworker.invoices.weasyprint.font_features import font_configuration
from mailworker.invoices.weasyprint.kept_styles import (
    ElementStyles,
    KeptStyle,
    KeptStyleFor,
    MatchedRule,
    StyleMemory,
    UnsharedTextStyle,
    layout_context,
)

#: Stylesheets kept, and computed styles of each; beyond, they are forgotten and made anew.
_MOST_SHEETS = 16
_MOST_STYLES = 800
#: Lengths that depend on the first page's size, so that a style is good for its own document only.
_OF_THE_PAGE = re.compile(r"\d(vw|vh|vi|vb|vmin|vmax)\b", re.IGNORECASE)
#: What changes a shaped text when it is drawn, so that no two boxes may share one.
_DRAWN_ANEW = re.compile(r":\s*justify\b|ellipsis|line-clamp|max-lines", re.IGNORECASE)
#: Attributes that bear declarations by themselves.
_STYLING = ("style", "lang", "id", "name", "width", "height")

#: Sets of declarations, each with its specificity.
OwnDeclarations = tuple[tuple[tuple[tuple[str, Any, bool], ...], tuple[int, int, int]], ...]


class _FontFaces:
    """Stands in for a font configuration while stylesheets are parsed, and notes which fonts they want."""

    def __init__(self) -> None:
        self.wanted: list[Mapping[str, Any]] = []

    def add_font_face(self, descriptors: Mapping[str, Any], _fetcher: LockedFetcher) -> None:
        """Note one @font-face rule."""
        self.wanted.append(descriptors)


@dataclass
class SheetSet:
    """What the stylesheets of one template came to."""

    sheets: list[Any]
    counter_style: CounterStyle
    color_profiles: dict[str, Any]
    fonts: FontConfiguration
    blocked: int
    kind: type[KeptStyle]
    keeps: bool
    memory: StyleMemory = field(default_factory=StyleMemory)
    attributes: dict[tuple[Any, ...], OwnDeclarations] = field(default_factory=dict)


class TemplateStyles:
    """The stylesheets that were seen, by their text. One per process."""

    def __init__(self, fetcher: LockedFetcher, fonts: FontConfiguration) -> None:
        self.fetcher = fetcher
        self.fonts = {"": fonts}
        self.seen: dict[tuple[Any, ...], SheetSet] = {}

    def of(self, html: HTML) -> SheetSet:
        """The stylesheets of a page: those of an earlier one, where they have the same text."""
        key = (html.base_url, *_texts_of(html))
        found = self.seen.get(key)
        if found is None:
            found = self._parse(html, " ".join(str(part) for part in key))
            if len(self.seen) >= _MOST_SHEETS:
                self.seen.clear()
            if not self.fetcher.missing:
                self.seen[key] = found
        else:
            self.fetcher.blocked += found.blocked
        if len(found.memory.styles) > _MOST_STYLES or not found.keeps:
            found.memory = StyleMemory()
        return found

    def _parse(self, html: HTML, source: str) -> SheetSet:
        before = self.fetcher.blocked
        faces, layers, page_rules = _FontFaces(), list[str](), list[Any]()
        counter_style, color_profiles = CounterStyle(), dict[str, Any]()
        for styles in html._ua_counter_style():  # noqa: SLF001 - WeasyPrint's own hook
            counter_style.update(styles)
        sheets = [(sheet, "user agent", None) for sheet in html._ua_stylesheets()]  # noqa: SLF001 - likewise
        found = find_stylesheets(
            html.wrapper_element,
            html.media_type,
            html.url_fetcher,
            html.base_url,
            faces,
            counter_style,
            color_profiles,
            page_rules,
            layers,
        )
        sheets += [(sheet, "author", None) for sheet in found]
        fonts = self._fonts(faces)
        blocked = self.fetcher.blocked - before
        drawn_anew = bool(_DRAWN_ANEW.search(source)) or any(
            _DRAWN_ANEW.search(element.get("style", "")) for element in html.etree_element.iter()
        )
        kind = UnsharedTextStyle if drawn_anew else KeptStyle
        keeps = not _OF_THE_PAGE.search(source)
        return SheetSet(sheets, counter_style, color_profiles, fonts, blocked, kind, keeps)

    def _fonts(self, faces: _FontFaces) -> FontConfiguration:
        """One configuration for each set of fonts, kept: WeasyPrint's own never gives its memory back."""
        key = str(faces.wanted) if faces.wanted else ""
        if key not in self.fonts:
            fonts = font_configuration()
            for descriptors in faces.wanted:
                fonts.add_font_face(descriptors, self.fetcher)
            self.fonts[key] = fonts
        return self.fonts[key]


def _texts_of(html: HTML) -> Iterator[Any]:
    """Everything of a page that WeasyPrint takes stylesheets from."""
    for wrapper in html.wrapper_element.query_all("style", "link"):
        element = wrapper.etree_element
        yield tuple(sorted(element.items()))
        if element.tag == "style":
            yield get_child_text(element)


class TemplateHTML(HTML):  # type: ignore[misc]
    """A page of an operator's template."""

    def __init__(self, source: str, fetcher: LockedFetcher, styles: TemplateStyles) -> None:
        super().__init__(string=source, base_url=BASE, url_fetcher=fetcher)
        self.set = styles.of(self)

    def render(self, **options: Any) -> Document:
        """Lay the page out with the kept stylesheets."""
        kept = self.set
        return _TemplateDocument._render(  # noqa: SLF001 - as HTML.render does
            self, kept.fonts, kept.counter_style, kept.color_profiles, DEFAULT_OPTIONS | options
        )


class _TemplateDocument(Document):  # type: ignore[misc]
    """A document that takes its styles from a set that was seen before."""

    @classmethod
    def _build_layout_context(
        cls, html: TemplateHTML, _fonts: Any, counter_style: Any, _profiles: Any, options: dict[str, Any]
    ) -> LayoutContext:
        targets = TargetCollector()
        style_for = _TemplateStyleFor(html, html.set, targets)
        return layout_context(style_for, counter_style, targets, options)


class _TemplateStyleFor(KeptStyleFor):
    """Gives each element the kept style of its parent's style, its own attributes and what matches it."""

    def __init__(self, html: TemplateHTML, kept: SheetSet, targets: TargetCollector) -> None:
        super().__init__(html, kept.sheets, kept.fonts, kept.memory, kept.kind)
        self.attributes = kept.attributes
        anchored: set[int] = set()
        for wrapper in html.wrapper_element.iter_subtree():
            element = wrapper.etree_element
            for pseudo, style in self._styles(wrapper, element).items():
                self._computed_styles[element, pseudo] = style
                if id(style) not in anchored and style["anchor"]:
                    anchored.add(id(style))
                    targets.collect_anchor(style["anchor"])

    def _styles(self, wrapper: Any, element: Element) -> ElementStyles:
        parent = self._computed_styles[wrapper.parent.etree_element, None] if wrapper.parent else None
        attributes = (element.tag, *(element.get(name) for name in _STYLING))
        matched = [
            (sheet, sheet_specificity or specificity, origin, pseudo, declared)
            for sheet, origin, sheet_specificity in self._sheets
            for specificity, _order, pseudo, declared in sheet.matcher.match(wrapper)
        ]
        key = (id(parent), attributes, tuple((id(one[4][0]), one[1], one[3]) for one in matched))
        found = self.memory.styles.get(key)
        if found is None:
            styles = self.compute(parent, self._rules(attributes, element, matched))
            # The parent is kept with them, so that its id stays its own.
            found = self.memory.styles[key] = (parent, styles)
        return found[1]

    def _rules(
        self, attributes: tuple[Any, ...], element: Element, matched: list[Any]
    ) -> Iterator[MatchedRule]:
        """What an element's attributes declare, then the rules that match it."""
        for declarations, specificity in self._own(attributes, element):
            yield None, "author", inf, specificity, declarations
        for sheet, specificity, origin, pseudo, (declarations, layer) in matched:
            layer_order = inf if layer is None else sheet.layers.index(layer)
            yield pseudo, origin, layer_order, specificity, declarations

    def _own(self, attributes: tuple[Any, ...], element: Element) -> OwnDeclarations:
        """What an element's attributes declare; parsed once for each text."""
        if not any(attributes[1:]):
            return ()
        if attributes not in self.attributes:
            if len(self.attributes) > _MOST_STYLES:
                self.attributes.clear()
            alone = Element(element.tag, dict(element.items()))
            self.attributes[attributes] = tuple(
                (tuple(preprocess_declarations(base_url, declarations)), specificity)
                for specificity, _, declarations, base_url in find_style_attributes(
                    alone, presentational_hints=False, base_url=self.html.base_url
                )
            )
        return self.attributes[attributes]
