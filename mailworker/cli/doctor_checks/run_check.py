"""Running one check: whatever it raises becomes a sentence, and the other checks are still made."""

import sys
import traceback
from pathlib import Path

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError, ResponseError

from mailworker.cli.doctor_checks.finding import Check, Finding
from mailworker.errors import BadInput, MailworkerError
from mailworker.queue.redis_errors import what_redis_means

_HERE = Path(__file__).parents[3]


def run_check(check: Check) -> Finding:
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
