"""A count and its noun, as sentences for operators have them."""


def counted(count: int, one: str, many: str = "") -> str:
    """`1 contact`, `2 contacts`, and where more than the noun differs: `1 entry is`, `2 entries are`."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"
