"""A text as a cell of a CSV file, which spreadsheets take for text."""

from mailworker.core.safe_text import shown

#: A spreadsheet takes what begins so for a formula (OWASP, "CSV Injection"); the wide forms in East Asia.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def cell(text: str) -> str:
    """The text without what a terminal obeys, and with an apostrophe before what would be reckoned with."""
    text = shown(text)
    return f"'{text}" if text.startswith(_FORMULA) else text
