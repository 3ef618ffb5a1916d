"""Values of crm_config.yaml that can be read, and that are wrong all the same: no customer could use them."""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from mailworker.config.kind_block import KindBlock
from mailworker.config.settings import Settings
from mailworker.core.did_you_mean import did_you_mean
from mailworker.core.email_syntax import normal_form
from mailworker.wording.subjects import STATE_SUBJECTS

_SVG = re.compile(r"\.svgz?(\?|$)", re.IGNORECASE)
_IBAN = re.compile(r"[A-Z]{2}\d\d[A-Z0-9]{11,30}")


def value_faults(settings: Settings) -> Iterator[str]:
    """A sentence for each of them."""
    brand, iban = settings.brand, settings.invoice.seller.iban
    if brand.support_email and not _is_address(brand.support_email):
        yield "brand.support_email is no e-mail address, and mails link to it: write it as aide@example.com."
    if _SVG.search(brand.logo_url):
        yield "brand.logo_url is an SVG, which Gmail and Outlook do not show: give a PNG, 72 pixels high."
    if iban and not is_iban(iban):
        yield "invoice.seller.iban is no IBAN (its check digits do not fit), and invoices show it: mend it."
    if settings.web.public_url:
        yield from _unreachable(settings.web.public_url)
    for name, block in settings.mailjet.blocks.items():
        yield from _unknown_states(name, block)


def _unreachable(url: str) -> Iterator[str]:
    """Where Mailjet and customers cannot come, or come unencrypted."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if ("." not in host and ":" not in host) or not _is_public(host):
        yield (
            f"web.public_url: {host} is reached from inside only, neither by Mailjet's events nor by "
            "customers' links: give the address that the proxy has on the Internet."
        )
    elif parts.scheme != "https":
        yield (
            "web.public_url is http://, so the webhook's password travels in the clear: put a proxy with TLS "
            "before it (docs/upgrade.md), and write https://."
        )


def _is_public(host: str) -> bool:
    try:
        return ip_address(host).is_global
    except ValueError:  # a name
        return not host.lower().endswith((".local", ".localhost", ".internal", ".lan"))


def is_iban(text: str) -> bool:
    """Whether the check digits fit (ISO 13616: the number modulo 97 is 1)."""
    plain = re.sub(r"\s", "", text).upper()
    if not _IBAN.fullmatch(plain):
        return False
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


def _is_address(text: str) -> bool:
    try:
        return bool(normal_form(text))
    except ValueError:
        return False


def _unknown_states(kind: str, block: KindBlock) -> Iterator[str]:
    known = [state for name, state in STATE_SUBJECTS if name == kind]
    given = {*block.subjects, *(state for one in block.languages.values() for state in one.subjects)}
    for state in sorted(given - set(known)):
        hint = did_you_mean(state, known) or (f": it has {', '.join(known)}." if known else ": it has none.")
        yield f"mailjet.{kind}.subjects: {state} is no state of this kind, so nobody reads that subject{hint}"
