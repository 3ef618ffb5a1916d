"""What CGRateS posts, by its kind: which account should be looked at.

A post is believed in one thing only, the account's name. What the account holds is asked of CGRateS itself: a
post may be replayed days later (`APIerSv1.ReplayFailedPosts`), and has neither which trigger fired nor why.

Seen in CGRateS (ees/libactions.go, engine/action.go, engine/account.go): `*http_post` and `*http_post_async`
of an ActionTrigger post the account; ThresholdS post a CGREvent with `Event.AccountID`, in v0.10
`Event.Account`; an `*export` action posts `{"Account": {...}, "EventType": "AccountUpdate"}`; a threshold's
own export posts a `ThresholdHit`, which names no account; `*post_event` of an ActionTrigger posts null.
All of these are JSON. An exporter of type `*http_json_map` posts an event's fields alone, one of type
`*http_post` the same as a form (ees/httpjsonmap.go, ees/httppost.go; in v0.10 engine/pstr_http.go); actions
of 1.0 post the event below `*req` (actions/export.go).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from mailworker.errors import BadInput

#: CGRateS posts one thing at a time; an exporter that gathers them posts a list.
_MOST = 1000
#: A threshold's own fields: they name no account.
_HIT = "ThresholdHit"


@dataclass(frozen=True, slots=True)
class Named:
    """An account that a post names. `tenant` is empty where the post does not name it."""

    tenant: str
    account: str


def read_post(body: str) -> tuple[Named, ...]:
    """The accounts that this body names; none for a post that is to be ignored. Raises BadInput."""
    found = _read(body)
    parts = found if isinstance(found, list) else [found]
    if len(parts) > _MOST:
        raise BadInput(f"post: holds more than {_MOST} things.")
    return tuple(named for part in parts if (named := _named(part)) is not None)


def _read(body: str) -> Any:
    try:
        return json.loads(body, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        pass
    try:
        return dict(parse_qsl(body, strict_parsing=True, max_num_fields=_MOST))
    except ValueError:
        raise BadInput("post: is neither JSON nor a form; is it CGRateS that posts here?") from None


def _named(raw: Any) -> Named | None:
    if raw is None:
        raise BadInput("post: is null; give the Action *http_post_async, for *post_event has no account.")
    if not isinstance(raw, Mapping):
        raise BadInput("post: is no object of CGRateS's.")
    if raw.get("EventType") == _HIT:
        return None
    if "BalanceMap" in raw:
        return _of_id(raw.get("ID"))
    account = raw.get("Account")
    if isinstance(account, Mapping):
        return _of_id(account.get("ID"))
    event = raw.get("Event", raw.get("*req"))
    if isinstance(event, Mapping):
        return None if event.get("EventType") == _HIT else _of_event(event, raw.get("Tenant"))
    return _of_event(raw, raw.get("Tenant"))


def _of_event(event: Mapping[str, Any], tenant: Any) -> Named:
    name = event.get("AccountID") or event.get("Account")
    owner = event.get("Tenant") or tenant or ""
    if not isinstance(name, str) or not isinstance(owner, str) or not name:
        raise BadInput("post: names no account; expected an account, an event of one, or an export of it.")
    first, colon, rest = name.partition(":")
    return Named(first, rest) if colon and rest and first == owner else Named(owner, name)


def _of_id(raw: Any) -> Named:
    tenant, colon, name = raw.partition(":") if isinstance(raw, str) else ("", "", "")
    if not colon or not name:
        raise BadInput("post: the account's ID is not of the form tenant:account.")
    return Named(tenant, name)
