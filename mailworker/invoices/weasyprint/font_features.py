"""Font features without their leak.

WeasyPrint 70.0 makes a list of attributes for each text with font features (`font-variant-numeric`,
`font-feature-settings`), gives it to Pango, and keeps its own reference for ever: 27 KiB for each page that
has some. Here that reference is given back, and each list owns the attribute inside it.
"""

from typing import Any

from weasyprint.text import line_break
from weasyprint.text.fonts import FontConfiguration

_pango = line_break.pango


class _Owned(dict[bytes, Any]):
    """Stands where WeasyPrint would share one attribute among lists: a list that is freed frees its own."""

    def setdefault(self, _features: bytes, fresh: Any = None) -> Any:
        """The new attribute, always."""
        return fresh


class _Pango:
    """The library's functions, of which two count references."""

    def __init__(self) -> None:
        self.lists: list[Any] = []
        self.pango_attr_list_insert = self._insert
        self.pango_layout_set_attributes = self._set

    def __getattr__(self, name: str) -> Any:
        """Find a function once; it then stands here itself."""
        value = getattr(_pango, name)
        setattr(self, name, value)
        return value

    def _insert(self, attributes: Any, attribute: Any) -> None:
        _pango.pango_attr_list_insert(attributes, attribute)
        self.lists.append(attributes)

    def _set(self, layout: Any, attributes: Any) -> None:
        _pango.pango_layout_set_attributes(layout, attributes)
        if self.lists and self.lists[-1] == attributes:
            _pango.pango_attr_list_unref(self.lists.pop())


def install() -> None:
    """Count references as Pango asks."""
    line_break.pango = _Pango()


def uninstall() -> None:
    """Give WeasyPrint its own library back."""
    line_break.pango = _pango


def font_configuration() -> FontConfiguration:
    """A font configuration whose texts give their attributes back."""
    fonts = FontConfiguration()
    fonts.font_features = _Owned()
    return fonts
