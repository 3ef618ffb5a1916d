"""The one canonical form of an address: however a mailbox is written, it is one person.

Ledger, events, suppressions, searches, the safelist, contacts and campaigns compare by it. It is for
comparing only: mail goes to the address as its owner writes it.
"""

import unicodedata
from functools import lru_cache

import idna


def canonical_address(email: str) -> str:
    """The form by which addresses are compared: any spelling of a mailbox gives the same.

    The domain is in Unicode, lower case, as IDNA 2008 (UTS 46) maps it: mail programs, CRMs and Mailjet write
    the same domain in Unicode or in punycode. The local part is case-folded, though a server might tell
    `Ana` from `ana`: none is known that does. All of it is in NFC. What is no address comes out folded, too.
    """
    text = email.strip()
    if text.isascii() and "xn--" not in (lower := text.lower()):
        return lower
    return _canonical(text)


def same_address(one: str, other: str) -> bool:
    """Whether both are spellings of one mailbox."""
    return canonical_address(one) == canonical_address(other)


@lru_cache(maxsize=16_384)
def _canonical(text: str) -> str:
    local, at, domain = text.rpartition("@")
    return folded(local) + at + canonical_domain(domain)


def folded(text: str) -> str:
    """Caseless and composed: Unicode's canonical caseless matching, in NFC."""
    caseless = unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold()).casefold()
    return unicodedata.normalize("NFC", caseless)


@lru_cache(maxsize=16_384)
def canonical_domain(domain: str) -> str:
    """A domain in Unicode and lower case; folded where IDNA does not know it."""
    try:
        return idna.decode(idna.encode(domain, uts46=True))
    except (idna.IDNAError, UnicodeError):
        return folded(domain)


def with_ascii_domain(email: str) -> str:
    """The address with its domain in punycode, as Mailjet wants it; untouched where that cannot be."""
    local, at, domain = email.rpartition("@")
    if domain.isascii():
        return email
    try:
        return local + at + idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return email
