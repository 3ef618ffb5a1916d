"""Mailjet's REST API as one part of the worker may call it: no call leaves without its token."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from mailworker.mailjet.gateway import Gateway

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


class RestApi:
    """Takes a token of the rate limit for each call, and then makes it.

    `gateway` opens Mailjet when it is first called. `take_token` waits for a token, or raises.
    """

    def __init__(self, gateway: Callable[[], "Gateway"], take_token: Callable[[], None]) -> None:
        self._gateway = gateway
        self._take_token = take_token

    def rest(self, call: RestCall) -> Any:
        """Make ONE call of the v3 REST API. Raises as `Gateway.rest` does, and where there is no token."""
        self._take_token()
        return self._gateway().rest(call)

    def raw(self, method: Method, path: str) -> Any:
        """Make ONE call of a path that mailjet-rest has no route for."""
        self._take_token()
        return self._gateway().raw(method, path)

    @property
    def api_key(self) -> str:
        """The public half of the credentials."""
        return self._gateway().api_key
