"""Computed styles that live as long as the stylesheet, not as long as one page.

WeasyPrint matches and computes every element's style anew for each document. Our own templates have one fixed
stylesheet of type, class, descendant and :first-child/:last-child selectors, so that an element's style
follows from its path alone: computed once, it serves every later invoice. Written for WeasyPrint 70.0.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from math import inf
from typing import Any
from xml.etree.ElementTree import Element

from weasyprint import Document
from weasyprint.css import AnonymousStyle, ComputedStyle, InitialStyle, StyleFor, declaration_precedence
from weasyprint.css.targets import TargetCollector
from weasyprint.images import get_image_from_uri
from weasyprint.layout import LayoutContext

#: Pages beyond this many get their margin boxes computed each time.
_MOST_PAGE_STYLES = 3000


class KeptStyle(ComputedStyle):  # type: ignore[misc]
    """A style that later documents share. `plan` is what `faster_layout` learnt about it."""

    plan: Any = None


class UnsharedTextStyle(KeptStyle):
    """A kept style whose texts change when they are drawn (justified, cut short): each is shaped anew."""


#: The styles of an element, by its pseudo-elements; its own by None.
ElementStyles = dict[str | None, KeptStyle]
#: A rule that matches an element: pseudo-element, origin, order of its layer, specificity, declarations.
MatchedRule = tuple[str | None, str, float, Any, Iterable[tuple[str, Any, bool]]]

_KEPT = (KeptStyle, UnsharedTextStyle)


def shares_texts(style: Any) -> bool:
    """Whether a shaped text may serve every box with this style."""
    return type(style.parent_style if type(style) is AnonymousStyle else style) is KeptStyle


def is_kept(style: Any) -> bool:
    """Whether later documents see this very style again: a kept one, or the anonymous one below it."""
    return type(style.parent_style if type(style) is AnonymousStyle else style) in _KEPT


class StyleMemory:
    """What is known after the first invoice: styles by path, and page styles by page type."""

    def __init__(self) -> None:
        self.styles: dict[tuple[Any, ...], tuple[Any, ElementStyles]] = {}
        self.pages: dict[Any, Any] = {}
        self.page_sizes: dict[str, Any] = {"box": None, "area": None}


class KeptStyleFor(StyleFor):  # type: ignore[misc]
    """Computes styles of `kind`, and takes those of pages from a memory; its heirs find those of elements."""

    def __init__(
        self, html: Any, sheets: list[Any], font_config: Any, memory: StyleMemory, kind: type[KeptStyle]
    ) -> None:
        self._cascaded_styles: dict[Any, Any] = {}
        self._computed_styles: dict[Any, Any] = {}
        self.initial_page_sizes = memory.page_sizes
        self._sheets = sheets
        self.font_config = font_config
        self.memory = memory
        self.kind = kind
        self.html = html

    def compute(self, parent: KeptStyle | None, matched: Iterable[MatchedRule]) -> ElementStyles:
        """The styles of an element and its pseudo-elements, as StyleFor itself would compute them."""
        cascaded: dict[str | None, dict[str, Any]] = {None: {}}
        for pseudo, origin, layer_order, specificity, declarations in matched:
            style = cascaded.setdefault(pseudo, {})
            for name, values, important in declarations:
                weight = (declaration_precedence(origin, important), layer_order, specificity)
                if name not in style or style[name][1] <= weight:
                    style[name] = values, weight
        own = self._style(parent, cascaded.pop(None), None)
        return {None: own} | {pseudo: self._style(own, style, pseudo) for pseudo, style in cascaded.items()}

    def _style(self, parent: KeptStyle | None, cascaded: Any, pseudo: str | None) -> KeptStyle:
        root: Any = self._computed_styles.get((self.html.etree_element, None), parent)
        if root is None:
            root = InitialStyle(self.font_config)
        return self.kind(
            parent, cascaded, pseudo, root, self.html.base_url, self.font_config, self.initial_page_sizes
        )

    def add_page_declarations(self, page_type: Any) -> None:
        """Match the page rules, unless this page type was seen before."""
        if page_type in self.memory.pages:
            self._computed_styles.update(self.memory.pages[page_type])
        else:
            super().add_page_declarations(page_type)

    def set_computed_styles(self, element: Any, parent: Any, **options: Any) -> None:
        """Compute a page's or margin box's style once for each page type."""
        key = (element, options.get("pseudo_type"))
        known = self.memory.pages.get(element, {})
        if key in known:
            self._computed_styles[key] = known[key]
            return
        super().set_computed_styles(element, parent, **options)
        if len(self.memory.pages) < _MOST_PAGE_STYLES:
            self.memory.pages.setdefault(element, {})[key] = self._computed_styles[key]


def layout_context(
    style_for: KeptStyleFor, counter_style: Any, targets: TargetCollector, options: dict[str, Any]
) -> LayoutContext:
    """What WeasyPrint lays a page out with, its pictures taken from `options["cache"]`."""
    fetcher = style_for.html.url_fetcher
    images = partial(get_image_from_uri, cache=options["cache"], url_fetcher=fetcher, options=options)
    return LayoutContext(style_for, images, style_for.font_config, counter_style, targets)


class _PathStyleFor(KeptStyleFor):
    """Gives each element the remembered style of its path; asks the selectors only for a new path."""

    def __init__(self, html: Any, sheets: list[Any], font_config: Any, memory: StyleMemory) -> None:
        super().__init__(html, sheets, font_config, memory, KeptStyle)
        self._wrappers: dict[Element, Any] = {}
        self._walk(html.etree_element, (None, None), edge=(True, True))

    def _walk(self, element: Element, above: tuple[Any, Any], *, edge: tuple[bool, bool]) -> None:
        path = (above[0], element.tag, element.get("class"), edge)
        found = self.memory.styles.get(path)
        if found is None:
            styles = self.compute(above[1], self._matched(element))
            found = self.memory.styles[path] = (len(self.memory.styles), styles)
        token, styles = found
        for pseudo, style in styles.items():
            self._computed_styles[element, pseudo] = style
        last = len(element) - 1
        for index, child in enumerate(element):
            self._walk(child, (token, styles[None]), edge=(index == 0, index == last))

    def _matched(self, element: Element) -> Iterator[MatchedRule]:
        if not self._wrappers:
            self._wrappers = {w.etree_element: w for w in self.html.wrapper_element.iter_subtree()}
        for sheet, origin, sheet_specificity in self._sheets:
            matches = sheet.matcher.match(self._wrappers[element])
            for specificity, _, pseudo, (declarations, _layer) in matches:
                yield pseudo, origin, inf, sheet_specificity or specificity, declarations


class KeptDocument(Document):  # type: ignore[misc]
    """A document of ours, whose elements take their styles from a memory."""

    @classmethod
    def _build_layout_context(
        cls, html: Any, font_config: Any, counter_style: Any, _profiles: Any, options: dict[str, Any]
    ) -> LayoutContext:
        for style in html._ua_counter_style():  # noqa: SLF001 - WeasyPrint's own hook
            counter_style.update(style)
        sheets = [(html.small_ua, "user agent", None)]
        sheets += [(sheet, "user", None) for sheet in options["stylesheets"]]
        style_for = _PathStyleFor(html, sheets, font_config, html.memory)
        return layout_context(style_for, counter_style, TargetCollector(), options)
