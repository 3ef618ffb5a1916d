"""A caller's question about one message, and a worker's answer, over Redis.

The question is a Celery task that carries the id and the name of a list; the answer is one JSON object in it.
"""

import json
import time
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from mailworker.errors import TransientError

if TYPE_CHECKING:
    from celery import Celery

TASK = "mailworker.tell_status"
QUEUE = "mail.urgent"
#: How long an answer that nobody fetches stays, in seconds.
KEEP_SECONDS = 60
_PREFIX = "mailworker:reply:"


class NoAnswer(TransientError):
    """No worker replied what became of a message; ask again later."""


@dataclass(frozen=True, slots=True)
class MessageStatus:
    """What became of a job. Nothing in it is personal.

    `state` is the message's state in the ledger; `enqueued` while no worker has taken it, `refused` where it
    became no message, `not_found` where nobody knows the id. `reason` is why, `delivery` how far Mailjet
    got with it, and `changed_at` is ISO 8601. `refusal` is why a later job with the same key was refused.
    """

    id: str
    state: str
    reason: str = ""
    delivery: str = ""
    changed_at: str = ""
    refusal: str = ""


def reply_list(token: str) -> str:
    """The list in which a question's answer is expected."""
    return f"{_PREFIX}{token}"


def is_reply_list(name: str) -> bool:
    """Whether a worker may answer there."""
    return name.startswith(_PREFIX) and len(name) < 120


def write_status(status: MessageStatus) -> str:
    """As it travels."""
    return json.dumps(asdict(status))


def read_status(text: str) -> MessageStatus:
    """As it came; fields that a newer worker adds are left out."""
    fields: dict[str, Any] = json.loads(text)
    return MessageStatus(**{name: str(fields.get(name) or "") for name in MessageStatus.__dataclass_fields__})


def ask_status(redis: "Redis", celery: "Celery", id_: str, *, patience: float) -> MessageStatus:
    """Ask the workers about a message. Raises NoAnswer where none answered within `patience` seconds."""
    reply_to = reply_list(str(uuid.uuid4()))
    question = {"id_": id_, "reply_to": reply_to}
    try:
        celery.send_task(TASK, kwargs=question, queue=QUEUE, retry=False, expires=patience)
        return read_status(_answer_in(redis, reply_to, time.monotonic() + patience))
    except (RedisError, OperationalError) as fault:
        raise NoAnswer(f"Redis cannot be reached: {fault}") from fault


def _answer_in(redis: "Redis", reply_to: str, deadline: float) -> str:
    while (left := deadline - time.monotonic()) > 0:
        found: Any = redis.blpop([reply_to], timeout=min(1.0, left))
        if found is not None:
            return str(found[1])
    raise NoAnswer(f"No worker answered; is one running for the queue {QUEUE}?")
