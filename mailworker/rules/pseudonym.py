"""What stands for an address once the address itself has to go?"""

import hashlib

from mailworker.core.canonical_address import canonical_address, with_ascii_domain

_PREFIX = "erased-"


def pseudonym(email: str) -> str:
    """The same stand-in for the same address, however it is written; the address cannot be read from it.

    NOTE: whoever has an address can compute its stand-in and look for it. That is its purpose (a suppressed
    address stays suppressed), and its limit: it is a pseudonym, not anonymous.
    """
    return _of(canonical_address(email))


def pseudonyms(email: str) -> tuple[str, ...]:
    """Every stand-in that there may be of an address: earlier versions had one for its domain in punycode."""
    canonical = canonical_address(email)
    return tuple({_of(canonical), _of(with_ascii_domain(canonical))})


def _of(text: str) -> str:
    return _PREFIX + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def is_pseudonym(text: str) -> bool:
    """Whether this stands where an address was."""
    return text.startswith(_PREFIX) and "@" not in text
