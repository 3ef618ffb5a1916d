"""The page's acts: forms that are shown only where `web.actions` is on, and what happens when one is sent."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mailworker.container import Container
from mailworker.errors import BadInput
from mailworker.ledger.failure_reasons import failures_by_reason
from mailworker.ledger.holds import current_holds
from mailworker.ledger.message_search import MessageFilter
from mailworker.ledger.operator_audit_log import Act, latest_actions
from mailworker.web.operators_page.hold_resend_cancel import AT_ONCE, Operator, OperatorActs
from mailworker.web.operators_page.list_rows import action_view, hold_view, row_view
from mailworker.web.operators_page.pages import OperatorsPage

_LONGEST_FORM = 5_000
_SHOWN, _GROUPS, _DAYS = 50, 20, 30
_READS = "This login may look at everything and change nothing: ask who may act."
_OFF = "Acts are off on this page: set web.actions to true in the configuration, and restart it."

Form = Mapping[str, str]


class PageActions:
    """Acts of operators, behind their password and against forged forms."""

    def __init__(self, container: Container, page: OperatorsPage, clock: Callable[[], datetime]) -> None:
        self._container = container
        self._page = page
        self._clock = clock
        self._acts = OperatorActs(container, clock)

    def overview(self, request: Request) -> Response:
        """What can be done, and what was done by whom."""
        return self._page.guarded(request, lambda: self._overview(request))

    async def review(self, request: Request) -> Response:
        """What sending a group of failed messages again would do; nothing is done."""
        return await self._posted(request, self._review)

    async def act(self, request: Request) -> Response:
        """Do what a form asks for."""
        return await self._posted(request, self._act)

    async def _posted(self, request: Request, answer: Callable[[Request, Form], Response]) -> Response:
        body = await self._page.body(request)
        given = parse_qs(body[:_LONGEST_FORM].decode("utf-8", "replace"))
        form = {name: values[0] for name, values in given.items()}

        def checked() -> Response:
            self._demand_on()
            if not self._page.who(request).may_act:
                return self._page.show(request, "error.html", 403, why=_READS)
            fault = self._page.guard.fault(request, form.get("token", ""))
            if fault is not None:
                return self._page.show(request, "error.html", 403, why=fault)
            return answer(request, form)

        return await run_in_threadpool(self._page.guarded, request, checked)

    def _demand_on(self) -> None:
        if not self._container.settings.web.actions:
            raise BadInput(_OFF)

    def _overview(self, request: Request) -> Response:
        self._demand_on()
        look = self._page.format
        with self._container.ledger.read() as connection:
            holds = current_holds(connection)
            since = self._clock() - timedelta(days=_DAYS)
            groups = failures_by_reason(connection, since=since, limit=_GROUPS)
            done = latest_actions(connection, limit=_SHOWN)
        return self._page.show(
            request,
            "actions.html",
            holds=[hold_view(hold, look) | {"name": hold.scope} for hold in holds],
            scopes=[(scope, look.scope(scope)) for scope in self._acts.scopes()],
            groups=[(group, look.kind(group.kind), look.moment(group.last)) for group in groups],
            done=[action_view(one, look) for one in done],
        )

    def _review(self, request: Request, form: Form) -> Response:
        group = _group(form)
        able, hindered = self._acts.replayable(group)
        rows = [row_view(row, self._page.format) for row in able[:_SHOWN]]
        return self._page.show(
            request,
            "review.html",
            rows=rows,
            total=len(able),
            hindered=hindered,
            at_once=AT_ONCE,
            kind=group.kind,
            reason=group.reason or "",
        )

    def _act(self, request: Request, form: Form) -> Response:
        source = request.client.host if request.client else ""
        operator = Operator(self._page.who(request).name, source[:64], form.get("why", ""))
        id_, scope = form.get("id", ""), form.get("scope", "")
        match form.get("do"):
            case Act.REPLAY if id_:
                self._demand(self._acts.replay(MessageFilter(ids=(id_,)), operator, target=id_))
            case Act.REPLAY:
                group = _group(form)
                target = f"{group.kind}: {group.reason or ''}"
                self._demand(self._acts.replay(group, operator, target=target))
            case Act.CANCEL:
                self._demand(self._acts.cancel(id_, operator))
            case Act.HOLD:
                self._acts.hold(scope, operator)
            case Act.RELEASE:
                self._demand(self._acts.release(scope, operator))
            case Act.LIFT:
                advice = self._acts.lift(form.get("email", ""), operator)
                return self._page.show(request, "lifted.html", advice=advice)
            case _:
                raise BadInput("do: there is no such act.")
        return RedirectResponse(f"/messages/{id_}" if _is_id(id_) else "/actions", 303)

    @staticmethod
    def _demand(changed: int) -> None:
        """Say so where nothing was done: somebody else was quicker, or it cannot be done."""
        if not changed:
            raise BadInput("Nothing was changed: it has moved on meanwhile, or cannot be done any more.")


def _group(form: Form) -> MessageFilter:
    """The failed messages of one kind for one reason."""
    if not form.get("kind"):
        raise BadInput("kind: say which kind of e-mail.")
    return MessageFilter(kind=form["kind"], reason=form.get("reason") or None)


def _is_id(text: str) -> bool:
    return bool(text) and len(text) <= 36 and all(one.isalnum() or one == "-" for one in text)
