"""What stands for an address once the address itself has to go?"""

import hashlib

_PREFIX = "erased-"


def stand_in(email: str) -> str:
    """The same stand-in for the same address, in whatever case, from which the address cannot be read.

    NOTE: whoever has an address can compute its stand-in and look for it. That is its purpose (a suppressed
    address stays suppressed), and its limit: it is a pseudonym, not anonymous.
    """
    return _PREFIX + hashlib.sha256(email.strip().lower().encode()).hexdigest()[:40]


def is_stand_in(text: str) -> bool:
    """Whether this stands where an address was."""
    return text.startswith(_PREFIX) and "@" not in text
