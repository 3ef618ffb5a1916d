"""A console for texts of other people's: nothing in them steers the terminal, or is taken for markup."""

import re
from typing import Any

from rich.console import Console
from rich.text import Text

from mailworker.core.safe_text import carriable

#: The controls of ISO 6429 in their form of one character, which terminals obey as they do ESC [.
_CONTROLS = re.compile(r"[\x80-\x9f]")


def shown(text: str) -> str:
    """The text without characters that a terminal obeys, or that turn the words around it."""
    return _CONTROLS.sub("", carriable(text))


class SafeConsole(Console):
    """Prints texts as they are written, but for what a terminal would obey."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """A text, as it is printed."""
        return super().render_str(shown(text), **options)
