"""What WeasyPrint works out for every box again, worked out once for each kept style.

`install` puts faster versions of four of WeasyPrint's functions in their places. Each hands every box whose
style is not ours to the original, and gives the same result to the last bit for the others; the tests compare
the PDFs byte by byte. It does nothing on a WeasyPrint other than the one it was written for.
"""

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import weasyprint
from weasyprint.formatting_structure import boxes
from weasyprint.layout import absolute, background, block, inline, page, preferred, table
from weasyprint.layout import float as floating
from weasyprint.layout.absolute import AbsolutePlaceholder
from weasyprint.layout.percent import percentage
from weasyprint.text.line_break import Layout

from mailworker.invoices.weasyprint import remembered_calls
from mailworker.invoices.weasyprint.kept_styles import is_kept, shares_texts

#: The version whose functions these are.
WRITTEN_FOR = "70.0"
#: Texts kept shaped, and the longest one worth it. Labels and rates come again; names come once.
_MOST_TEXTS = 3000
_LONGEST = 80
_SIDES = ("top", "right", "bottom", "left")
_LENGTHS = (
    *(f"margin_{side}" for side in _SIDES),
    *(f"padding_{side}" for side in _SIDES),
    "width",
    "min_width",
    "max_width",
    "height",
    "min_height",
    "max_height",
)
_BORDERS = tuple(f"border_{side}_width" for side in _SIDES)
_ROUND = {
    f"border_{corner}_radius": (0, 0) for corner in ("top_left", "top_right", "bottom_right", "bottom_left")
}

_percentages = block.resolve_percentages
_backgrounds = background.layout_box_backgrounds
_split = inline.split_first_line
_strut = inline.strut


def install() -> bool:
    """Make WeasyPrint faster for kept styles; whether this is the version it can be done to."""
    if weasyprint.VERSION != WRITTEN_FOR:
        return False
    for modules, _, faster in _REPLACED:
        _put(modules, faster.__name__, faster)
    remembered_calls.install()
    return True


def unfitting() -> list[str]:
    """The libraries here that the faster functions are not written for, each with its version."""
    found = [] if weasyprint.VERSION == WRITTEN_FOR else [f"WeasyPrint is {weasyprint.VERSION}"]
    return found + remembered_calls.unfitting()


def active() -> bool:
    """Whether the faster functions are in place."""
    return block.resolve_percentages is resolve_percentages


def uninstall() -> None:
    """Give WeasyPrint its own functions back."""
    for modules, original, faster in _REPLACED:
        _put(modules, faster.__name__, original)
    remembered_calls.uninstall()


def _put(modules: Iterable[ModuleType], name: str, function: Callable[..., Any]) -> None:
    for module in modules:
        if not hasattr(module, name):
            raise AttributeError(f"weasyprint has no {module.__name__}.{name}")
        setattr(module, name, function)


class _Plan:
    """What one style means for every box that has it."""

    __slots__ = ("bare", "borders", "lengths", "relative_width", "strut")

    def __init__(self, style: Any) -> None:
        #: Used lengths, once a box has given them; empty where they depend on the containing block.
        self.lengths: dict[str, Any] | None = None
        #: The width alone is a part of the containing block's.
        self.relative_width = False
        #: Widths of borders where a table's cells may settle on others among themselves.
        self.borders: dict[str, Any] = {}
        self.bare = _is_bare(style)
        self.strut: tuple[Any, Any] | None = None


def _plan(style: Any) -> _Plan | None:
    if not is_kept(style):
        return None
    plan: _Plan | None = getattr(style, "plan", None)
    if plan is None:
        plan = style.plan = _Plan(style)
    return plan


def _is_bare(style: Any) -> bool:
    """Whether a box with this style has no background, shadow, picture border or round corner."""
    return (
        style["border_image_source"][0] == "none"
        and style["mask_border_source"][0] == "none"
        and style["visibility"] == "visible"
        and all(kind == "none" for kind, _ in style["background_image"])
        and style["background_color"] != "currentcolor"
        and style["background_color"].alpha == 0
        and not style["box_shadow"]
        and all((0, "px") in style[name] for name in _ROUND)
    )


def _is_length(value: Any) -> bool:
    """Whether a length is given in pixels, or left to the layout."""
    return value == "auto" or getattr(value, "unit", None) == "px"


def _is_fixed(style: Any) -> bool:
    """Whether no containing block matters to these lengths; to the width it may, of a content box."""
    shrinks = style["box_sizing"] != "content-box"
    if shrinks and style["border_collapse"] == "collapse":
        return False
    width = style["width"]
    relative = not shrinks and getattr(width, "unit", None) == "%"
    return (relative or _is_length(width)) and all(
        _is_length(style[name]) for name in _LENGTHS if name != "width"
    )


def _learn(plan: _Plan, box: Any) -> None:
    """Keep what WeasyPrint has just worked out for a box, if it is the same for the next one."""
    style = box.style
    if not _is_fixed(style):
        plan.lengths = {}
        return
    plan.lengths = {name: box.__dict__[name] for name in _LENGTHS}
    plan.relative_width = getattr(style["width"], "unit", None) == "%"
    if style["border_collapse"] == "collapse":
        plan.borders = {name: style[name] for name in _BORDERS}
    else:
        plan.lengths |= {name: box.__dict__[name] for name in _BORDERS}


def resolve_percentages(box: Any, containing_block: Any) -> None:
    """Set a box's used lengths: from its style's plan where percentages play no part."""
    plan = _plan(box.style)
    if plan is None or not plan.lengths:
        _percentages(box, containing_block)
        if plan is not None and plan.lengths is None:
            _learn(plan, box)
        return
    known = box.__dict__
    known.update(plan.lengths)
    if plan.relative_width:
        width = containing_block.width if isinstance(containing_block, boxes.Box) else containing_block[0]
        known["width"] = percentage(box.style["width"], box.style, width)
    for name, border in plan.borders.items():
        if not hasattr(box, name):
            known[name] = border


def layout_box_backgrounds(
    page_box: Any, box: Any, get_image_from_uri: Any, *rest: Any, **options: Any
) -> None:
    """Find a box's background: none, at once, where its style has none."""
    plan = None if rest or options or box is page_box else _plan(box.style)
    if plan is None or not plan.bare:
        _backgrounds(page_box, box, get_image_from_uri, *rest, **options)
        return
    real = box._box if isinstance(box, AbsolutePlaceholder) else box  # noqa: SLF001 - what setattr would reach
    real.__dict__.update(_ROUND)
    real.background = None
    for child in box.all_children():
        layout_box_backgrounds(page_box, child, get_image_from_uri)


def strut(style: Any) -> tuple[Any, Any]:
    """A line's height and baseline by its style alone."""
    plan = _plan(style)
    if plan is None:
        height: tuple[Any, Any] = _strut(style)
        return height
    if plan.strut is None:
        plan.strut = _strut(style)
    return plan.strut


class _KeptLayout(Layout):  # type: ignore[misc]
    """A shaped text that stays shaped: once for measuring and drawing, and for every later page."""

    def deactivate(self) -> None:
        """Stay as it is."""

    def reactivate(self, style: Any) -> None:
        """Shape the text for drawing, the first time only."""
        if "layout" not in self.__dict__:
            super().reactivate(style)


_texts: dict[tuple[Any, ...], tuple[Any, tuple[Any, ...]]] = {}


def split_first_line(text: str, style: Any, context: Any, *rest: Any, **options: Any) -> tuple[Any, ...]:
    """Fit text on a line; short texts in a kept style are remembered.

    The style is kept with them, so that its id stays its own.
    """
    found: tuple[Any, ...]
    if len(text) > _LONGEST or not shares_texts(style):
        found = _split(text, style, context, *rest, **options)
        return found
    key = (text, id(style), rest, tuple(options.items()))
    if key not in _texts:
        found = _split(text, style, context, *rest, **options)
        found[0].__class__ = _KeptLayout
        if len(_texts) >= _MOST_TEXTS:
            _texts.clear()
        _texts[key] = (style, found)
    return _texts[key][1]


#: Where a function stands in WeasyPrint, the original, and its faster version of the same name.
_REPLACED: tuple[tuple[tuple[ModuleType, ...], Callable[..., Any], Callable[..., Any]], ...] = (
    ((absolute, block, floating, inline, page, table), _percentages, resolve_percentages),
    ((background,), _backgrounds, layout_box_backgrounds),
    ((inline, preferred), _split, split_first_line),
    ((inline,), _strut, strut),
)
