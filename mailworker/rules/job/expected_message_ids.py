"""Which message ids would this job have? For jobs that were refused, or that nobody has taken yet."""

from collections.abc import Mapping
from typing import Any

from mailworker.core.kind import Kind
from mailworker.rules.job.addresses import distinct, read_addresses
from mailworker.rules.job.fit_text import made_fit
from mailworker.rules.job.idempotency_key import derived_key, key_for_recipient, message_id


def named_ids(raw: Any, kinds: Mapping[str, Kind]) -> list[str]:
    """The ids that the caller was given, as far as the job can be read."""
    if not isinstance(raw, Mapping):
        return []
    kind = kinds.get(str(raw.get("kind")))
    raw = made_fit(raw, kind)[0] if kind is not None else raw
    objects = {
        name: raw[name] if isinstance(raw.get(name), Mapping) else {} for name in ("invoice", "variables")
    }
    client = objects["invoice"].get("client")
    to = raw.get("to") or (client.get("email") if isinstance(client, Mapping) else None)
    people = distinct(read_addresses(to, "to", [])) or (None,)
    own = raw.get("idempotency_key")
    if isinstance(own, str | int) and not isinstance(own, bool):
        return [message_id(key_for_recipient(str(own), one, len(people))) for one in people]
    if kind is None:
        return []
    keys = (derived_key(kind, {**raw, **objects}, one) for one in people)
    return [message_id(key) for key in keys if key]
