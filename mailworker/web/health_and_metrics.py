"""What machines ask: alive, ready, and the metrics."""

from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from mailworker.observability.prometheus_exposition import CONTENT_TYPE, exposition
from mailworker.web.basic_auth import please_log_in
from mailworker.web.metrics_collector import MetricsCollector
from mailworker.web.operator_logins import OperatorLogins

_CLOSED = (
    "Metrics leave this host behind a password only: set web.operator_user and web.operator_password, "
    "or web.logins.\n"
)


class Health:
    """Answers for orchestrators and Prometheus."""

    def __init__(self, gathering: MetricsCollector, operator: OperatorLogins) -> None:
        self._gathering = gathering
        self._operator = operator

    async def alive(self, _request: Request) -> Response:
        """Whether this process lives. It says nothing of others, or it would be restarted for their sake."""
        return JSONResponse({"alive": True})

    def ready(self, _request: Request) -> Response:
        """Whether Redis and the ledger answer: 200, or 503 with which of them does not."""
        figures = self._gathering.figures()
        answers = {"redis": figures.streams is not None, "ledger": figures.messages is not None}
        return JSONResponse(answers, 200 if all(answers.values()) else 503)

    def metrics(self, request: Request) -> Response:
        """The figures for Prometheus, behind the operators' password; without one, on this host alone."""
        if self._operator.configured:
            if not self._operator.admits(request):
                return please_log_in("mailworker operators")
        elif not _on_this_host(request):
            return PlainTextResponse(_CLOSED, 403)
        return Response(exposition(self._gathering.figures()), media_type=CONTENT_TYPE)


def _on_this_host(request: Request) -> bool:
    """Whether the request came over loopback, from the client's side and ours."""
    ends = [request.client.host if request.client else "", (request.scope.get("server") or ("",))[0]]
    try:
        return all(ip_address(end).is_loopback for end in ends)
    except ValueError:
        return False
