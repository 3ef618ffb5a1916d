"""What machines ask: alive, ready, and the metrics."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mailworker.observability.metrics import CONTENT_TYPE, exposition
from mailworker.web.basic_auth import BasicAuth, please_log_in
from mailworker.web.metrics_collector import MetricsCollector


class Health:
    """Answers for orchestrators and Prometheus."""

    def __init__(self, gathering: MetricsCollector, operator: BasicAuth) -> None:
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
        """The figures for Prometheus, behind the operators' password where there is one."""
        if self._operator.configured and not self._operator.admits(request):
            return please_log_in("mailworker operators")
        return Response(exposition(self._gathering.figures()), media_type=CONTENT_TYPE)
