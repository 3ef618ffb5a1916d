"""The link by which a campaign's reader unsubscribes: nobody can make one for somebody else's mail."""

import base64
import hashlib
import hmac

#: Where the web process answers it; the token follows.
PATH = "/unsubscribe/"
#: Bytes of the signature that a link carries: 96 bits, which nobody guesses.
_SIGNED = 12


def unsubscribe_link(public_url: str, message_id: str, key: bytes) -> str:
    """The link of this message, below the web process's public address."""
    return f"{public_url.rstrip('/')}{PATH}{message_id}.{_signature(message_id, key)}"


def message_of(token: str, key: bytes) -> str | None:
    """The id of the message whose link this is; None for what is no link of ours."""
    id_, _, signature = token.rpartition(".")
    ours = token.isascii() and hmac.compare_digest(signature, _signature(id_, key))
    return id_ if ours else None


def _signature(message_id: str, key: bytes) -> str:
    digest = hmac.new(key, f"unsubscribe:{message_id}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:_SIGNED]).decode()
