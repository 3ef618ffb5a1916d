"""One call of Mailjet's REST API, as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Method = Literal["GET", "POST", "PUT", "DELETE"]


@dataclass(frozen=True, slots=True)
class RestCall:
    """One call of the v3 REST API, in mailjet-rest's words: `endpoint` is one of its routes.

    `action_id` is the id below a resource's action, as in `/contact/managemanycontacts/{action_id}`.
    """

    endpoint: str
    method: Method = "GET"
    id: int | str | None = None
    action_id: int | None = None
    filters: Mapping[str, Any] | None = field(default=None, repr=False)
    data: Any = field(default=None, repr=False)
