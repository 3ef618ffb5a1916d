"""What OmniCRM's answers, and its silences, mean for us."""

from typing import Any

import requests

from mailworker.config.crm import HttpSettings
from mailworker.errors import BadInput, MailworkerError, Misconfigured, Throttled, Unreachable

#: How long to wait after a 429 without Retry-After.
_PAUSE = 60.0
#: What frameworks answer to an id that is not like their own: letters where they number, say.
_NO_SUCH_ID = {400, 422}


def timeouts(settings: HttpSettings) -> tuple[float, float]:
    """Connect and read time-outs in seconds, as `requests` wants them."""
    return settings.connect_timeout.total_seconds(), settings.read_timeout.total_seconds()


def unreachable(fault: requests.RequestException) -> MailworkerError:
    """The error for a call without an answer. The fault's own text would show the URL with its ids."""
    if isinstance(fault, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return Misconfigured("crm.http.base_url is not an address that can be called.")
    if isinstance(fault, requests.exceptions.SSLError):
        return Misconfigured("OmniCRM's certificate is not trusted here.")
    if isinstance(fault, requests.Timeout):
        return Unreachable("OmniCRM did not answer in time.")
    return Unreachable("OmniCRM cannot be reached.")


def checked(answer: requests.Response, what: str) -> requests.Response:
    """The answer, if it is a good one. Raises Throttled, Unreachable or Misconfigured."""
    status = answer.status_code
    if status == 429:
        raise Throttled("OmniCRM asks for fewer calls.", retry_after=_retry_after(answer))
    if status >= 500:
        raise Unreachable(f"OmniCRM answered {status} to {what}.")
    if 300 <= status < 400:
        raise Misconfigured(
            f"OmniCRM redirects {what} elsewhere; set crm.http.base_url to where it leads.", code=str(status)
        )
    if status in {401, 403}:
        raise Misconfigured(
            f"OmniCRM refuses {what}; check the API key, or the user's rights.", code=str(status)
        )
    if status >= 400:
        raise Misconfigured(f"OmniCRM answered {status} to {what}; check its path.", code=str(status))
    return answer


def checked_record(answer: requests.Response, question: str) -> requests.Response:
    """The answer about one record; raises as `checked`, and BadInput where its id alone is refused."""
    if answer.status_code in _NO_SUCH_ID:
        raise BadInput(
            f"OmniCRM answered {answer.status_code} to one of {question}: it takes no such id; "
            "where that is so for every id, check its path."
        )
    return checked(answer, f"one of {question}")


def json_of(answer: requests.Response, what: str) -> Any:
    """The answer's JSON; exact numbers stay exact. Raises Misconfigured for anything else."""
    try:
        return answer.json(parse_float=str)
    except ValueError:
        raise Misconfigured(
            f"OmniCRM answered {what} with something that is not JSON; check its path."
        ) from None


def _retry_after(answer: requests.Response) -> float:
    header = answer.headers.get("Retry-After", "")
    return float(header) if header.isdecimal() else _PAUSE
