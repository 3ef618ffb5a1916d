"""Addresses as Mailjet stores them."""

import idna


def with_ascii_domain(email: str) -> str:
    """The address with its domain in punycode; untouched where that cannot be, so that Mailjet says so."""
    local, at, domain = email.rpartition("@")
    if domain.isascii():
        return email
    try:
        return local + at + idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return email
