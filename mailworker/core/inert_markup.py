"""Text that no HTML page takes for markup, however it is printed there."""

_INERT = str.maketrans("<>", "\u2039\u203a")


def without_markup(text: str) -> str:
    """The text with single angle quotes in the place of `<` and `>`, which reads alike and opens no tag."""
    return text.translate(_INERT)
