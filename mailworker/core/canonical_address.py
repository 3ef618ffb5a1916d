"""The one canonical form of an address: however a mailbox is written, it is one person.

Ledger, events, suppressions, searches, the safelist, contacts and campaigns compare by it. It is for
comparing only: mail goes to the address as its owner writes it.
"""

import re
import unicodedata
from functools import lru_cache

import idna

#: What a local part may be without quotes (RFC 5322, letters of any script), and a quoted pair within them.
_DOT_ATOM = re.compile(r"[^\s\"(),.:;<>@\[\\\]]+(?:\.[^\s\"(),.:;<>@\[\\\]]+)*")
_QUOTED_PAIR = re.compile(r"\\(.)")


def canonical_address(email: str) -> str:
    """The form by which addresses are compared: any spelling of a mailbox gives the same.

    The domain is in Unicode, lower case, as IDNA 2008 (UTS 46) maps it: mail programs, CRMs and Mailjet write
    the same domain in Unicode or in punycode. The local part is case-folded, though a server might tell
    `Ana` from `ana`: none is known that does. Quotes that it does not need, and the root's dot after the
    domain, are left out. All of it is in NFC. What is no address comes out folded, too.
    """
    text = email.strip()
    if text.isascii() and "xn--" not in (lower := text.lower()) and text[:1] != '"' and text[-1:] != ".":
        return lower
    return _canonical(text)


def same_address(one: str, other: str) -> bool:
    """Whether both are spellings of one mailbox."""
    return canonical_address(one) == canonical_address(other)


@lru_cache(maxsize=16_384)
def _canonical(text: str) -> str:
    local, at, domain = text.rpartition("@")
    if not at:
        return canonical_domain(domain)
    return f"{folded(_without_quotes(local))}@{canonical_domain(domain.rstrip('.'))}"


def _without_quotes(local: str) -> str:
    """The local part without quotes that it does not need."""
    if local[:1] != '"' or local[-1:] != '"':
        return local
    plain = _QUOTED_PAIR.sub(r"\1", local[1:-1])
    return plain if _DOT_ATOM.fullmatch(plain) else local


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
