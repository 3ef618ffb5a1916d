"""A console for texts of other people's: nothing in them steers the terminal, or is taken for markup."""

from typing import Any

from rich.console import Console
from rich.text import Text

from mailworker.core.safe_text import shown


class SafeConsole(Console):
    """Prints texts as they are written, but for what a terminal would obey."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """A text, as it is printed."""
        return super().render_str(shown(text), **options)
