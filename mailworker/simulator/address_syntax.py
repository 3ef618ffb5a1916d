"""What passes as an e-mail address, and who may send."""

import re
from collections.abc import Sequence

_LOCAL = re.compile(r"[^\s@<>()\[\],;:\\\"]{1,64}")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+[A-Za-z][A-Za-z0-9-]{{0,61}}[A-Za-z0-9]")


def is_address(text: str) -> bool:
    """Whether Mailjet would take it: any mailbox, but the domain in ASCII (punycode), with a dot."""
    local, at, domain = text.rpartition("@")
    if not at or ".." in text or local.startswith(".") or local.endswith("."):
        return False
    return bool(_LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain))


def may_send(address: str, senders: Sequence[str]) -> bool:
    """Whether an active sender covers this address: itself or its `*@domain`. No senders at all allow any."""
    if not senders:
        return True
    wanted = address.lower()
    active = {sender.lower() for sender in senders}
    return wanted in active or "*@" + wanted.rpartition("@")[2] in active
