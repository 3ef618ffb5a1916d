"""What a check gives: faults, which end the doctor with 1, and notes, which do not."""

import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError, ResponseError

from mailworker.errors import BadInput, MailworkerError
from mailworker.queue.unavailable import what_redis_means

_HERE = Path(__file__).parents[3]


class Note(str):
    """Something worth knowing that is no fault."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Check:
    """A question by its subject (what `--only` takes) and its name; `ask` gives faults and notes."""

    subject: str
    name: str
    ask: Callable[[], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Finding:
    """A check's answer."""

    subject: str
    name: str
    sentences: tuple[str, ...] = ()

    @property
    def faults(self) -> list[str]:
        """What has to be mended."""
        return [one for one in self.sentences if not isinstance(one, Note)]

    @property
    def notes(self) -> list[str]:
        """What is worth knowing."""
        return [one for one in self.sentences if isinstance(one, Note)]


def make(check: Check) -> Finding:
    """Ask. A check that cannot be made is a fault of its own; no traceback leaves here, and no value."""
    return Finding(check.subject, check.name, _answers(check))


def _answers(check: Check) -> tuple[str, ...]:
    try:
        return tuple(check.ask())
    except BadInput as fault:
        return fault.faults
    except MailworkerError as fault:
        return (str(fault),)
    except (RedisError, OperationalError) as fault:
        return (_of_redis(fault),)
    except OSError as fault:
        return (f"The system refused the question: {fault.strerror or type(fault).__name__}.",)
    except Exception:  # noqa: BLE001 - whatever it is: the other checks shall be made
        return (f"This could not be checked ({_where()}): please report it with this line.",)


def _of_redis(fault: RedisError | OperationalError) -> str:
    if isinstance(fault, ResponseError):
        return what_redis_means(fault)
    return f"Redis refused the question ({type(fault).__name__}): see what is said of Redis above."


def _where() -> str:
    """The exception's type and place, never its text: that may quote a customer."""
    kind, _, trace = sys.exc_info()
    frames = traceback.extract_tb(trace)
    ours = [frame for frame in frames[1:] if str(_HERE) in frame.filename] or list(frames)
    place = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return f"{kind.__name__ if kind else 'an error'}{place}"
