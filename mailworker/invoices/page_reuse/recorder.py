"""Notes how WeasyPrint 70.0 draws a page, so that it can be repeated with other texts."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import weasyprint.draw

from mailworker.invoices.page_reuse.form import DoesNotFit, Operator

#: What may be drawn: shapes and colours. Groups, patterns and shadings are not noted.
_NOTED = (
    *("push_state", "pop_state", "transform", "set_color", "set_alpha", "rectangle", "clip", "end", "fill"),
    *("stroke", "move_to", "line_to", "curve_to", "close", "set_line_width", "set_dash", "set_line_cap"),
)


class PageRecorder:
    """A stream that notes what is drawn; texts by the number of their slot."""

    def __init__(self, slot_of: Callable[[Any], int], picture: Any) -> None:
        self.slot_of = slot_of
        self.picture = picture
        self.operators: list[Operator] = []

    def __getattr__(self, name: str) -> Any:
        if name not in _NOTED:
            raise DoesNotFit

        def note(*arguments: Any, **named: Any) -> None:
            if name == "transform":
                given = {"a": 1, "b": 0, "c": 0, "d": 1, "e": 0, "f": 0}
                given |= dict(zip(given, arguments, strict=False)) | named
                arguments, named = tuple(given.values()), {}
            if named:
                arguments = (*arguments, *named.values())
            self.operators.append((name, arguments))

        return note

    @contextmanager
    def stacked(self) -> Iterator[None]:
        """Note both ends."""
        self.operators.append(("push_state", ()))
        yield
        self.operators.append(("pop_state", ()))

    def artifact(self) -> AbstractContextManager[None]:
        """Untagged pages mark nothing."""
        return nullcontext()

    def marked(self, _box: Any, _tag: str) -> AbstractContextManager[None]:
        """Untagged pages mark nothing."""
        return nullcontext()

    def add_image(self, image: Any, interpolate: bool, ratio: float) -> str:  # noqa: FBT001 - WeasyPrint's own
        """Note a picture; the one that changes from invoice to invoice as None."""
        self.operators.append(("add_image", (None if image is self.picture else image, interpolate, ratio)))
        return ""

    def draw_x_object(self, _name: str) -> None:
        """Note that the last picture is drawn."""
        self.operators.append(("draw_x_object", ()))

    def text(self, box: Any) -> None:
        """Note a text."""
        if box.style["visibility"] == "visible":
            self.operators.append(self.slot_of(box))


def _noted(stream: PageRecorder, box: Any, _x: float, overflow: str, ellipsis: str) -> None:
    """Stands where WeasyPrint draws a text."""
    if overflow == "ellipsis" or ellipsis != "none" or box.style["text_decoration_line"] != "none":
        raise DoesNotFit
    stream.text(box)


def recorded(page: Any, slot_of: Callable[[Any], int], picture: Any) -> list[Operator]:
    """How a laid-out page is drawn. Raises DoesNotFit where it has more than shapes, pictures and texts."""
    recorder = PageRecorder(slot_of, picture)
    original = weasyprint.draw.draw_text
    weasyprint.draw.draw_text = _noted
    try:
        weasyprint.draw.draw_page(page._page_box, recorder)  # noqa: SLF001 - where WeasyPrint keeps its boxes
    finally:
        weasyprint.draw.draw_text = original
    return recorder.operators
