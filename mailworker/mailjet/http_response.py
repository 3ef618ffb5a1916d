"""An HTTP answer of Mailjet's, and what it means when it speaks of no single message."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeGuard

from mailworker.core.clock import utc_now
from mailworker.errors import MailworkerError, Misconfigured, Throttled, TooLarge, UnknownOutcome, Unreachable
from mailworker.mailjet.error_codes import code_of, error_from, trace_of

#: Mailjet sends no Retry-After. The bucket doubles this from one 429 to the next, up to a minute. Seconds.
DEFAULT_RETRY_AFTER = 5.0

#: A redirect after the work was done, and proxies' words for a caller who left while Mailjet was at work.
_MAY_HAVE_PASSED = {303, 460, 499}
#: Mailjet's statuses that judge what was asked (its documented ones). Others do so with a code alone.
VERDICTS = {400, 401, 403, 404, 405}
#: One of them is in every error object of Mailjet's. Gateways on the way write objects of their own.
_ERROR_KEYS = {"ErrorIdentifier", "ErrorCode", "ErrorMessage", "ErrorInfo"}

#: No header may stop all workers for longer than this. Seconds.
MAX_RETRY_AFTER = 3600.0


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP answer that arrived whole. Header names are in lower case."""

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def trace(self) -> str:
        """The request's identity at Mailjet, for an error's text."""
        return trace_of(self.headers.get("x-mj-request-guid"))

    def json(self) -> Any:
        """The body as JSON, None where it is none. A byte that is no UTF-8 spoils its own text alone."""
        try:
            text = self.body.decode(json.detect_encoding(self.body), "replace")
            return json.loads(text)
        except (ValueError, RecursionError):
            return None


def refusal(answer: HttpAnswer, faults: Sequence[Mapping[str, Any]]) -> MailworkerError:
    """The error of a whole call. `faults` are Mailjet's error objects; empty where a proxy spoke.

    A proxy's 4xx (HTML, no Mailjet error) is about the way to Mailjet, never about the
    mails: it is Misconfigured, so that no mail fails for good because of it.
    """
    status = answer.status
    refused_unread = _proxy_refusal(answer)
    if refused_unread is not None:
        return refused_unread
    if status == 402:  # the account's, whichever status its object names
        faults = [{**fault, "StatusCode": status} for fault in faults]
    verdict = status in {*VERDICTS, 402} or (400 <= status < 500 and any(map(code_of, faults)))
    if verdict and faults:
        return error_from(faults, status=status, trace=answer.trace, what="call")
    if 300 <= status < 500 and status not in _MAY_HAVE_PASSED:
        return _wrong_way(answer)
    trace = trace_of(faults[0].get("ErrorIdentifier")) if faults else ""
    header = answer.headers.get("retry-after")
    return UnknownOutcome(
        f"Mailjet answered HTTP {status}, not what it did{trace or answer.trace}.",
        retry_after=retry_after(header, utc_now()) if header else 0.0,
    )


def _proxy_refusal(answer: HttpAnswer) -> MailworkerError | None:
    """What Mailjet's front proxy turns away, unread."""
    if answer.status == 429:
        wait = retry_after(answer.headers.get("retry-after"), utc_now())
        return Throttled(f"Mailjet answered HTTP 429: too many calls{answer.trace}.", retry_after=wait)
    if answer.status == 413:
        return TooLarge(f"Mailjet answered HTTP 413: the call's body is too large{answer.trace}.", code="413")
    if answer.status == 408:
        return Unreachable(f"Mailjet answered HTTP 408: the call did not arrive whole{answer.trace}.")
    return None


def _wrong_way(answer: HttpAnswer) -> Misconfigured:
    if answer.status == 401:
        cure = "the API key or secret is wrong; correct api_key and api_secret"
    elif answer.status in {402, 403}:
        cure = (
            "it gives no reason; see whether app.mailjet.com shows the account blocked, then look at api_url "
            "and the proxy on the way"
        )
    elif answer.status < 400:
        cure = "it redirects; correct api_url"
    else:
        cure = "this is not Mailjet's API; correct api_url, or look at the proxy on the way"
    return Misconfigured(
        f"Mailjet answered HTTP {answer.status}: {cure}{answer.trace}.", code=str(answer.status)
    )


def retry_after(header: str | None, now: datetime) -> float:
    """Seconds to wait by a Retry-After header (RFC 9110: seconds or a date), within 0 to an hour."""
    seconds = DEFAULT_RETRY_AFTER if header is None else _seconds(header.strip(), now)
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _seconds(header: str, now: datetime) -> float:
    if header.isascii() and header.isdigit():
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return DEFAULT_RETRY_AFTER
    return (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()


def read_rest_answer(answer: HttpAnswer) -> Any:
    """The JSON of a REST answer: `{"Count", "Data", "Total"}`, None for 204, 304 and an empty body.

    Raises as the Send API's answers do, with Refused(code="404") for what is not there.
    """
    body = answer.json()
    if answer.status in {204, 304} or (answer.status < 300 and not answer.body.strip()):
        return None
    if answer.status < 300 and isinstance(body, dict | list):
        return body
    raise refusal(answer, [body] if is_error(body) else [])


def is_error(body: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether this is an error object as Mailjet writes them, and not the words of somebody on the way."""
    return isinstance(body, dict) and not _ERROR_KEYS.isdisjoint(body)
