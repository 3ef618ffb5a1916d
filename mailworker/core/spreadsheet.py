"""A text as a cell of a CSV file, which spreadsheets take for text."""

#: A spreadsheet takes what begins so for a formula (OWASP, "CSV Injection"); the wide forms in East Asia.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def cell(text: str) -> str:
    """The text, with an apostrophe before what a spreadsheet would reckon with."""
    return f"'{text}" if text.startswith(_FORMULA) else text
