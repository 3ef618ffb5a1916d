"""Bytes for people."""


def readable_size(count: int) -> str:
    """812 B, 61 kB, 1.4 MB."""
    if count >= 1_000_000:
        return f"{count / 1_000_000:.1f} MB"
    return f"{count / 1000:.0f} kB" if count >= 1000 else f"{count} B"
