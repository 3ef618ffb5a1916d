"""`mailworker health`: can this worker do its work?"""

import os
import socket
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from mailworker.cli.console import answer
from mailworker.cli.shared_options import AsJson

if TYPE_CHECKING:
    from celery import Celery


def _here() -> str:
    return f"{os.environ.get('NODE') or 'celery'}@{socket.gethostname()}"


def command(
    *,
    node: Annotated[
        str, typer.Option(help="The worker, as Celery names it; default: $NODE@ this host.", metavar="NAME")
    ] = "",
    timeout: Annotated[float, typer.Option(help="Seconds to wait for its answer.")] = 20.0,
    as_json: AsJson = False,
) -> None:
    """Have one worker run a task that reaches Redis and the ledger; ends with 1 where it cannot.

    For the health check of a container: a process may answer while every task fails.

    Example: mailworker health
    """
    from celery import Celery
    from celery.exceptions import TimeoutError as NoAnswer
    from celery.utils.nodenames import worker_direct
    from kombu.exceptions import OperationalError
    from redis.exceptions import RedisError, ResponseError

    from mailworker.config.settings import load_settings

    url, name = load_settings().worker.redis_url, node or _here()
    celery = Celery("health", broker=url, backend=url, set_as_current=False)
    celery.conf.result_backend_transport_options = {"retry_policy": {"max_retries": 0}}
    result: Any = None
    try:
        direct = cast("str", worker_direct(name))
        with celery.connection_for_write() as own:
            result = celery.send_task(
                "mailworker.health", queue=direct, expires=timeout, retry=False, connection=own
            )
        text = str(result.get(timeout=timeout, propagate=False))  # a failure's words, or "well"
        result.forget()
    except NoAnswer:
        text = f"{name} did not answer within {timeout:g} s: is it up, or are all of its slots busy?"
    except (OperationalError, OSError, RedisError, RuntimeError) as fault:  # RuntimeError: Celery gave up
        text = "Redis does not answer: start it, or correct worker.redis_url."
        if isinstance(fault, ResponseError) or "READONLY" in str(fault) or "maxmemory" in str(fault):
            text = (
                "Redis takes no writes, for it is full, a replica, or forbids them: "
                "mailworker doctor --only redis"
            )
    finally:
        _let_go(celery, result)
    facts = {"node": name, "ok": text == "well", "answer": text, "said": text}  # what programs knew it as
    answer(f"{name}: {text}", facts, as_json=as_json)
    raise typer.Exit(0 if text == "well" else 1)


def _let_go(celery: "Celery", result: Any) -> None:
    """Close the connections.

    A result that is collected with its backend connects to Redis once more, to cancel what is over.
    """
    if result is not None:
        result.backend = None
    backend: Any = celery.backend
    backend.result_consumer.stop()
    backend.client.connection_pool.disconnect()
    celery.close()
