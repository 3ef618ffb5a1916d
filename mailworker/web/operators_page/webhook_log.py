"""The page of what Mailjet posted: whether events arrive, how many of which sort, and what was refused."""

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from mailworker.ledger.webhook_log import WebhookMinute, latest_minutes, silence
from mailworker.web.operators_page.list_query import read_moment
from mailworker.web.operators_page.page_shell import SinglePage

_SHOWN = 60
#: Mailjet's words for events, as the other pages name them.
_EVENTS = {
    "sent": "delivered",
    "open": "opened",
    "click": "clicked",
    "bounce": "bounced",
    "unsub": "unsubscribed",
}
#: What each answer to a refused post means.
_REFUSALS = {
    "401": "wrong user or password",
    "408": "its body did not come in time",
    "413": "larger than 4 MiB",
    "415": "packed in another way than gzip",
    "503": "Redis did not take it; Mailjet posts it again",
}


class WebhookLogPage(SinglePage):
    """Answers `/events`."""

    def answer(self, request: Request) -> Response:
        """The last minutes in which anything was posted."""
        until = read_moment(request.query_params.get("before"))
        with self.container.ledger.read() as connection:
            found = latest_minutes(connection, limit=_SHOWN + 1, before=until)
            last = silence(connection, self.clock())
        before = {"before": found[_SHOWN - 1].minute.isoformat()} if len(found) > _SHOWN else None
        streams = self.gathering.figures().streams
        return self.page.show(
            request,
            "events.html",
            rows=[self._line(one) for one in found[:_SHOWN]],
            older=before and "/events?" + urlencode(before),
            last=self.page.format.moment(last.posted)[:16],
            silent=last.missing_since is not None,
            waiting=(streams or {}).get("events", 0),
            closed=self.container.settings.web.webhook_password is None,
        )

    def _line(self, one: WebhookMinute) -> dict[str, Any]:
        return {
            "at": self.page.format.moment(one.minute)[:16],
            "posts": one.posts,
            "events": [(_EVENTS.get(word, word), number) for word, number in one.events.items()],
            "repeated": one.repeated,
            "unmatched": one.unmatched,
            "unreadable": one.unreadable,
            "refused": [(_REFUSALS.get(why, why), number) for why, number in one.refused.items()],
        }
