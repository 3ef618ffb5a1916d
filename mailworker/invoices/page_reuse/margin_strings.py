"""The text of the page's margins: which element each named string comes from, page by page.

Source: CSS Generated Content for Paged Media, named strings; the order is WeasyPrint 70.0's.
"""

from typing import Any

from weasyprint.formatting_structure import boxes

from mailworker.invoices.page_reuse.form import DoesNotFit, MarginText


class PageStrings:
    """Which attribute each named string comes from, page by page (CSS Generated Content for Paged Media)."""

    def __init__(self, worded: dict[int, int]) -> None:
        self.worded = worded
        self.here: dict[str, list[str | tuple[int, str]]] = {}
        self.before: dict[str, str | tuple[int, str]] = {}

    def turn(self, page: Any) -> None:
        """Read the next page."""
        self.before |= {name: sources[-1] for name, sources in self.here.items()}
        self.here = {}
        for box in page.descendants():
            if isinstance(box, boxes.MarginBox) or not getattr(box, "string_set", None):
                continue
            for name, parts in box.style["string_set"]:
                self.here.setdefault(name, []).append(self._source(box, parts))

    def _source(self, box: Any, parts: tuple[Any, ...]) -> str | tuple[int, str]:
        (kind, value), *more = parts or (("string", ""),)
        if more or kind not in ("string", "attr()"):
            raise DoesNotFit
        if kind == "string":
            return str(value)
        if id(box.element) not in self.worded:
            raise DoesNotFit
        return self.worded[id(box.element)], value[0]

    def text_of(self, margin: Any, page: Any, number: int, count: int) -> MarginText:
        """The text of a margin box."""
        parts: list[str | tuple[int, str]] = []
        for kind, value in margin.style["content"]:
            if kind == "string":
                parts.append(value)
            elif kind == "counter()" and value[0] in ("page", "pages") and value[1] == "decimal":
                parts.append(str(number if value[0] == "page" else count))
            elif kind == "string()":
                parts.append(self._string(page, *value))
            else:
                raise DoesNotFit
        return MarginText(tuple(parts))

    def _string(self, page: Any, name: str, which: str) -> str | tuple[int, str]:
        here = self.here.get(name)
        if here and which == "last":
            return here[-1]
        if here and (which == "first" or (which == "start" and _starts(page, name))):
            return here[0]
        if which not in ("first", "last", "start"):
            raise DoesNotFit
        return self.before.get(name, "")


def _starts(page: Any, name: str) -> bool:
    """Whether the page's very first box sets a string."""
    box = page
    while box is not None:
        named = box.style["string_set"]
        if named != "none" and any(one == name for one, _ in named):
            return True
        box = box.children[0] if isinstance(box, boxes.ParentBox) and box.children else None
    return False
