"""All servers of an installation, as children of this process."""

import os
import re
import socket
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, TypeVar

from celery import Celery

from mailworker.cli.local_stack.child_process import Child
from mailworker.cli.local_stack.production_workers import PRODUCTION_WORKERS, WorkerProcess
from mailworker.cli.local_stack.redis_server import answers, free_port, holds_anything, redis_command
from mailworker.cli.local_stack.trial_config import Sections, local_config, merged, trial_config
from mailworker.client import MailClient
from mailworker.config.settings import Settings, load_settings
from mailworker.core.redis_url import parse_redis_url
from mailworker.errors import Misconfigured
from mailworker.simulator.control_client import ControlClient

AnyChild = TypeVar("AnyChild", bound=Child)

_URL = re.compile(r"ready at (\S+?) ")
#: Longer than a task in hand takes, but for a call that hangs until its time-outs.
_WORKER_STOP_SECONDS = 60
#: At the end nobody waits for more.
_CLOSE_SECONDS = 10


def _accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def demand_free(port: int, what: str, option: str) -> None:
    """Raise Misconfigured where somebody listens there: what is theirs would be taken for ours.

    `option` is how another port is chosen.
    """
    if _accepts("127.0.0.1", port):
        raise Misconfigured(
            f"{what} cannot listen on port {port}: another program does. Choose another with {option}."
        )


class Worker(Child):
    """A Celery worker. `node` is the name by which `celery inspect` knows it."""

    def __init__(self, servers: "Servers", process: WorkerProcess, node: str) -> None:
        self.node = node
        self._control = servers.celery.control
        options = ["-Q", ",".join(process.queues), "-c", str(process.concurrency), "-n", node]
        # Gossip and mingle make workers know each other; ours need not know one another.
        quick = ["--without-gossip", "--without-mingle", "-l", "INFO"]
        super().__init__(
            f"The worker {node}",
            [sys.executable, "-m", "celery", "-A", "mailworker.tasks", "worker", *options, *quick],
            servers.folder / "logs" / f"{node.partition('@')[0]}.log",
            servers.environ,
        )

    def wait_for_tasks(self, *, seconds: float = 60) -> None:
        """Wait until it answers, which it does once it listens to its queues."""
        self.wait_ready(
            lambda: bool(self._control.ping(destination=[self.node], timeout=0.5)), seconds=seconds
        )

    def stop(self, *, seconds: float = _WORKER_STOP_SECONDS) -> int:
        """Let it finish the call in hand and give the rest back, as a deploy does."""
        return super().stop(seconds=seconds)


class Servers:
    """A whole installation in `folder`: enter it, and Redis and the local Mailjet run; then call for workers.

    `changes` change the trial's crm_config.yaml section by section (`{"worker": {"lease": "5s"}}`); with
    `config` they change a copy of that file, an operator's own, and nothing of a trial's is added.
    `simulator` are options of `mailworker simulator` (`["--latency", "1"]`). With `redis_url`, or the
    environment's REDIS_URL where nothing is in it yet, that Redis is used; otherwise one of its own is
    started, its data in `folder`. Without `database_url` the ledger is SQLite in `folder`: the environment's
    DATABASE_URL may be production's, whose mail these workers would hand to the local Mailjet.
    """

    def __init__(
        self,
        folder: Path,
        *,
        changes: Sections = MappingProxyType({}),
        config: Path | None = None,
        simulator: Sequence[str] = (),
        simulator_port: int = 0,
        redis_port: int = 0,
        redis_url: str | None = None,
        database_url: str | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self._changes = changes
        self._given = config
        self._simulator_options = [*simulator]
        self._simulator_port = simulator_port or free_port()
        given = redis_url or os.environ.get("REDIS_URL")
        self._redis_port = None if given else redis_port or free_port()
        self.redis_url = given or f"redis://127.0.0.1:{self._redis_port}/0"
        sqlite = f"sqlite:///{self.folder / 'mailworker.db'}"
        self.database_url = database_url or sqlite
        self._found_redis = None if redis_url else given
        self.simulator_url = f"http://127.0.0.1:{self._simulator_port}"
        self.config = self.folder / "crm_config.yaml"
        self.children: list[Child] = []
        self._numbers: dict[str, int] = {}

    def __enter__(self) -> Self:
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            stack.callback(self.close)
            self._write_config()
            self.start_redis()
            self._demand_unused_redis()
            self.start_simulator()
            stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def environ(self) -> dict[str, str]:
        """What the children get: this environment and this configuration."""
        return {
            **os.environ,
            "CRM_CONFIG": str(self.config),
            "REDIS_URL": self.redis_url,
            "DATABASE_URL": self.database_url,
            "BEAT_SCHEDULE": str(self.folder / "celerybeat-schedule"),
            "PYTHONUNBUFFERED": "1",
        }

    @cached_property
    def settings(self) -> Settings:
        """The configuration that the children read."""
        return load_settings(self.config, self.environ)

    @cached_property
    def celery(self) -> Celery:
        """A Celery that knows nothing but the broker, as a stranger's program would have it."""
        place = parse_redis_url(self.redis_url)
        app = Celery("visitor", broker=place.broker, backend=place.broker, set_as_current=False)
        app.conf.broker_transport_options = app.conf.result_backend_transport_options = dict(
            place.broker_options
        )
        return app

    @cached_property
    def client(self) -> MailClient:
        """The client that OmniCRM would use."""
        return MailClient(self.redis_url, kinds=self.settings.kinds)

    @cached_property
    def mailbox(self) -> ControlClient:
        """What the local Mailjet got."""
        return ControlClient(self.simulator_url)

    def start_redis(self) -> Child | None:
        """Start Redis, anew after it was killed; None where it is somebody else's."""
        if self._redis_port is None:
            if not answers(self.redis_url):
                raise Misconfigured("The Redis of REDIS_URL does not answer: start it, or unset REDIS_URL.")
            return None
        demand_free(self._redis_port, "Redis", "--redis-port")
        data = self.folder / "redis"
        data.mkdir(exist_ok=True)
        command = redis_command(self._redis_port, data)
        self.redis = self._keep(Child("Redis", command, self._log("redis"), self.environ))
        self.redis.wait_ready(lambda: answers(self.redis_url), seconds=30)
        return self.redis

    def _demand_unused_redis(self) -> None:
        if self._found_redis and holds_anything(self._found_redis):
            raise Misconfigured(
                "The Redis of REDIS_URL is in use: these workers would hand what waits there to the local "
                "Mailjet. Unset REDIS_URL, or name a database of that Redis in which nothing is."
            )

    def start_simulator(self) -> Child:
        """Start the local Mailjet, anew after it was killed; it forgets its mails then."""
        log = self._log("simulator")
        log.unlink(missing_ok=True)
        options = ["--port", str(self._simulator_port), "--config", str(self.config)]
        command = self._mailworker("simulator", *options, *self._simulator_options)
        self.simulator = self._keep(Child("The local Mailjet", command, log, self.environ))
        self.simulator.wait_ready(lambda: _URL.search(log.read_text("utf-8")) is not None)
        return self.simulator

    def start_web(self) -> Child:
        """Start the webhook and the operators' page, and wait until they answer."""
        web = self.settings.web
        demand_free(web.port, "The operators' page", "--web-port")
        command = self._mailworker("webhook", "--host", web.host, "--port", str(web.port))
        self.web = self._keep(Child("The web process", command, self._log("web"), self.environ))
        self.web.wait_ready(lambda: _accepts(web.host, web.port))
        return self.web

    def register_webhook(self) -> None:
        """Have the local Mailjet post its events to the web process."""
        command = self._mailworker("webhook", "register")
        child = Child("The registration of the webhook", command, self._log("register"), self.environ)
        if (code := child.wait()) != 0:
            raise Misconfigured(f"{child.name} ended with {code}:\n{child.tail()}")

    def worker(
        self, queues: Iterable[str], *, concurrency: int = 1, name: str = "worker", wait: bool = True
    ) -> Worker:
        """Start one more worker for these queues, and wait until it works."""
        number = self._numbers[name] = self._numbers.get(name, 0) + 1
        node = f"{name}{number}@localhost"
        worker = self._keep(Worker(self, WorkerProcess(name, tuple(queues), concurrency), node))
        if wait:
            worker.wait_for_tasks()
        return worker

    def production_workers(self, *, wait: bool = True) -> list[Worker]:
        """Start all workers of production, and wait until they work."""
        workers = [
            self.worker(c.queues, concurrency=c.concurrency, name=c.name, wait=False)
            for c in PRODUCTION_WORKERS
        ]
        for worker in workers if wait else ():
            worker.wait_for_tasks()
        return workers

    def beat(self) -> Child:
        """Start beat, and wait until it runs."""
        log = self._log("beat")
        log.unlink(missing_ok=True)
        command = [sys.executable, "-m", "celery", "-A", "mailworker.tasks", "beat", "-l", "INFO"]
        beat = self._keep(Child("Beat", command, log, self.environ))
        beat.wait_ready(lambda: "beat: Starting" in log.read_text("utf-8"))
        return beat

    def dead(self) -> list[Child]:
        """Children that ended although nobody stopped them."""
        return [child for child in self.children if not child.alive]

    def close(self) -> None:
        """Stop everything, the last started first: beat, the workers at the same time, what they stand on."""
        for name, close in (("client", "close"), ("celery", "close")):
            if name in self.__dict__:
                getattr(self.__dict__.pop(name), close)()
        for child in self.children:
            if isinstance(child, Worker):
                child.ask_to_stop()
        for child in reversed(self.children):
            child.stop(seconds=_CLOSE_SECONDS)
        self.children.clear()

    def _write_config(self) -> None:
        if self._given is None:
            text = trial_config(self._own(), self._changes)
        else:
            text = local_config(self._given.read_text(encoding="utf-8"), self._for_given())
            # OmniCRM keeps its invoice templates beside its configuration.
            link, templates = self.folder / "invoice_templates", self._given.parent / "invoice_templates"
            link.unlink(missing_ok=True)
            if templates.is_dir():
                link.symlink_to(templates.resolve())
        self.config.write_text(text, encoding="utf-8")

    def _for_given(self) -> dict[str, dict[str, Any]]:
        """What an operator's own file gets: everything of this machine, no key of the real Mailjet."""
        own = self._own()
        own["mailjet"] |= {"api_key": "simulator-key", "api_secret": "simulator-secret"}
        del own["crm"]
        return merged(own, self._changes)

    def _own(self) -> dict[str, dict[str, Any]]:
        return {
            "mailjet": {"api_url": f"{self.simulator_url}/"},
            "worker": {"redis_url": self.redis_url, "database_url": self.database_url},
            "invoice": {"store": str(self.folder / "invoices")},
            "crm": {"demo": {"path": str(self.folder / "demo-crm.sqlite")}},
        }

    def _keep(self, child: AnyChild) -> AnyChild:
        self.children.append(child)
        return child

    def _log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    @staticmethod
    def _mailworker(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "mailworker", *arguments]
