"""The simulator's own API, for tests and benches: what arrived, what is to go wrong. JSON, no credentials."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mailworker.core.clock import utc_now
from mailworker.simulator.event_injection import EventsInput, as_group, inject
from mailworker.simulator.fault_rules import RuleInput
from mailworker.simulator.received_mail import ReceivedAttachment, ReceivedCall, ReceivedMail
from mailworker.simulator.rest_tables import whole, whole_or
from mailworker.simulator.rfc3339 import moment
from mailworker.simulator.state import SimulatorState

Endpoint = Callable[[Request], Awaitable[Response]]
_MOST_ROWS = 1000
_SHOWN = ("application/pdf", "image/png", "image/jpeg", "image/gif")


def control_routes(world: SimulatorState) -> list[Route]:
    """The routes under /_simulator."""
    control = Control(world)
    return [
        Route("/_simulator/messages", control.messages),
        Route("/_simulator/counts", control.counts),
        Route("/_simulator/calls", control.calls),
        Route("/_simulator/faults", control.faults, methods=["GET", "POST", "DELETE"]),
        Route("/_simulator/reset", control.reset, methods=["POST"]),
        Route("/_simulator/events", control.events, methods=["POST"]),
        Route("/_simulator/attachments/{message_id:int}/{position:int}", control.attachment),
    ]


class Control:
    """The endpoints, over one world."""

    def __init__(self, world: SimulatorState) -> None:
        self._world = world

    async def messages(self, request: Request) -> Response:
        """Mails in the order of arrival, by `custom_id` and `to`, a page of `limit` from `offset`."""
        query = request.query_params
        mails = find_mails(self._world, query.get("custom_id"), query.get("to"))
        offset = whole_or(query.get("offset"), 0)
        limit = min(whole_or(query.get("limit"), 100), _MOST_ROWS)
        page = mails[offset : offset + limit]
        return JSONResponse(
            {"total": len(mails), "messages": [mail_document(self._world, mail) for mail in page]}
        )

    async def counts(self, _request: Request) -> Response:
        """How many calls and mails arrived, the fullest sixty seconds, and CustomIDs that came twice."""
        return JSONResponse(counts_document(self._world))

    async def calls(self, request: Request) -> Response:
        """Every call that arrived after `since`, in Unix seconds or ISO 8601."""
        since = moment(request.query_params.get("since", "0"))
        if since is None:
            return _bad_request("since must be Unix seconds or an ISO 8601 time.")
        calls = [call_document(one) for one in self._world.store.calls() if one.arrived_at > since]
        return JSONResponse({"calls": calls})

    async def faults(self, request: Request) -> Response:
        """Rules: list, put one or several in force, end one (`?id=`) or all."""
        kept = self._world.faults
        if request.method == "DELETE":
            number = request.query_params.get("id")
            kept.clear(whole(number) if number else None)
        if request.method == "POST":
            try:
                given = await request.json()
                rules = [
                    RuleInput.model_validate(one) for one in (given if isinstance(given, list) else [given])
                ]
            except (ValidationError, ValueError) as error:
                return _bad_request(str(error))
            for rule in rules:
                kept.add(rule)
        return JSONResponse({"faults": [rule.document() for rule in kept.rules]})

    async def events(self, request: Request) -> Response:
        """Let events happen to mails that arrived: one, or several as one post, shuffled on request."""
        try:
            wanted = EventsInput.model_validate(as_group(await request.json()))
        except (ValidationError, ValueError) as error:
            return _bad_request(str(error))
        documents = inject(self._world, wanted)
        if not documents:
            return JSONResponse({"error": "No mail with this CustomID or message id arrived."}, 404)
        self._world.outbox.add_group(documents)
        return JSONResponse({"events": documents})

    async def reset(self, _request: Request) -> Response:
        """Forget mails, calls and rules."""
        self._world.reset()
        return JSONResponse({"reset": True})

    async def attachment(self, request: Request) -> Response:
        """One attachment's bytes, by its mail's message id and its position from 0."""
        found = self._world.store.mail(request.path_params["message_id"])
        position = request.path_params["position"]
        if found is None or position >= len(found[0].attachments):
            return JSONResponse({"error": "There is no such attachment."}, 404)
        return attachment_response(found[0].attachments[position])


def find_mails(world: SimulatorState, custom_id: str | None, recipient: str | None) -> list[ReceivedMail]:
    """Mails by exact CustomID and by a part of a recipient's address."""
    mails = world.store.by_custom_id(custom_id) if custom_id else world.store.mails()
    if not recipient:
        return mails
    wanted = recipient.lower()
    return [mail for mail in mails if any(wanted in one.email.lower() for one in mail.recipients)]


def mail_document(world: SimulatorState, mail: ReceivedMail) -> dict[str, Any]:
    """A mail as the control API shows it."""
    outcome = world.outcome(mail)
    return {
        "message_id": mail.message_id,
        "custom_id": mail.custom_id,
        "arrived_at": mail.arrived_at.isoformat(),
        "recipients": [
            {"email": one.email, "name": one.name, "role": one.role, "message_id": one.message_id}
            for one in mail.recipients
        ],
        "template_id": mail.template_id,
        "subject": outcome.subject,
        "delivered": outcome.delivered,
        "error": outcome.error,
        "error_related_to": outcome.error_related_to,
        "error_detail": outcome.detail,
        "error_reported_to": outcome.report_to,
        "properties": mail.properties,
        "attachments": [attachment_document(one) for one in mail.attachments],
    }


def attachment_document(attachment: ReceivedAttachment) -> dict[str, Any]:
    """An attachment without its content."""
    return {
        "filename": attachment.filename,
        "content_type": attachment.content_type,
        "size": attachment.size,
        "sha256": attachment.sha256,
        "kept": attachment.content is not None,
    }


def attachment_response(attachment: ReceivedAttachment) -> Response:
    """An attachment's bytes, or 410 where they were dropped. Only PDF and images are shown in the browser."""
    if attachment.content is None:
        return JSONResponse({"error": "The content was dropped to bound the memory."}, 410)
    safe = re.sub(r"[^\w. -]", "_", attachment.filename, flags=re.ASCII)
    shown = attachment.content_type.partition(";")[0].strip().lower() in _SHOWN
    headers = {
        "Content-Disposition": f'{"inline" if shown else "attachment"}; filename="{safe}"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(attachment.content, media_type=attachment.content_type, headers=headers)


def call_document(call: ReceivedCall) -> dict[str, Any]:
    """A call as the control API shows it."""
    return {
        "arrived_at": call.arrived_at.timestamp(),
        "endpoint": call.endpoint,
        "messages": call.messages,
        "status": call.status,
    }


def counts_document(world: SimulatorState) -> dict[str, Any]:
    """The figures of `/_simulator/counts`."""
    meter = world.meter
    mails, custom_ids, duplicates = world.store.tally()
    return {
        "calls": meter.total,
        "calls_refused_429": meter.refused,
        "max_calls_in_60s": meter.arrived.most,
        "max_accepted_calls_in_60s": meter.accepted.most,
        "messages": mails,
        "custom_ids_seen": custom_ids,
        "duplicates": duplicates,
        "first_call_at": meter.first_at,
        "last_call_at": meter.last_at,
        "calls_by_endpoint": dict(meter.by_endpoint),
    }


def _bad_request(message: str) -> Response:
    return JSONResponse({"error": message, "at": utc_now().isoformat()}, 400)
