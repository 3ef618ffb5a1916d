"""One request and its answer, tried again only while no connection could be made."""

from collections.abc import Callable

import requests
import tenacity
from mailjet_rest.errors import ApiError
from urllib3.exceptions import HTTPError

from mailworker.errors import UnknownOutcome, Unreachable
from mailworker.mailjet.http_response import HttpAnswer

#: Within one call: how often a connection is tried, and how long in all (seconds). A refused connection
#: reaches no rate limit of Mailjet's, so these tries cost no token.
CONNECT_TRIES = 4
CONNECT_PATIENCE = 3.0

#: What requests raises before it opens a connection.
_NO_WAY = {"InvalidURL", "InvalidProxyURL", "InvalidSchema", "MissingSchema"}

CONNECT_AGAIN = tenacity.Retrying(
    retry=tenacity.retry_if_exception_type(Unreachable),
    stop=tenacity.stop_after_attempt(CONNECT_TRIES) | tenacity.stop_before_delay(CONNECT_PATIENCE),
    wait=tenacity.wait_exponential_jitter(multiplier=0.1, max=1, jitter=0.2),
    reraise=True,
)


def exchange(request: Callable[[], requests.Response]) -> HttpAnswer:
    """Make the request once, however often it takes to connect; its answer whatever its status."""
    return CONNECT_AGAIN(_ask_once, request)


def _ask_once(request: Callable[[], requests.Response]) -> HttpAnswer:
    """Make the request; its answer whatever its status, also out of the exceptions of mailjet-rest.

    What fails while connecting comes as Unreachable from the transport; whatever else fails here may
    have left. Errors are raised outside of `except`, since the chained ones quote addresses and URLs.
    """
    try:
        return _answer(request())
    except (ApiError, HTTPError) as error:
        response = getattr(error.__cause__, "response", None)
        words = type(error.__cause__ or error).__name__
    if response is not None:
        return _answer(response)
    if words in _NO_WAY:
        raise Unreachable(f"Mailjet could not be reached: api_url or proxy is no URL ({words}).")
    raise UnknownOutcome(f"The call left for Mailjet, and its answer was never seen ({words}).")


def _answer(response: requests.Response) -> HttpAnswer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return HttpAnswer(response.status_code, response.content, headers)
