"""Which addresses an environment that is not production may mail: those of the safelist, and nobody else."""

from mailworker.core.canonical_address import canonical_address, canonical_domain


def is_safe(email: str, *, environment: str, safelist: tuple[str, ...]) -> bool:
    """Whether this environment may mail this address.

    Production may mail everybody. Elsewhere only addresses, or whole domains written as `@example.com`, that
    the safelist names: an empty list means nobody.
    """
    if environment == "production":
        return True
    address = canonical_address(email)
    return any(_is_listed(address, entry.strip()) for entry in safelist)


def _is_listed(address: str, entry: str) -> bool:
    """Whether an entry, an address or `@` and a domain, names this address (in its canonical form)."""
    if entry.startswith("@"):
        return address.rpartition("@")[2] == canonical_domain(entry[1:])
    return address == canonical_address(entry)
