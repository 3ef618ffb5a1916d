"""One child process: it writes into a log file, dies with its parent, and is waited for by condition."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mailworker.errors import Misconfigured

_PARENT_DEATH = Path(__file__).with_name("parent_death.py")
_TAIL_LINES = 15
_POLL_SECONDS = 0.05


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Ask until it is true, for so long at the most; give whether it became true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


class Child:
    """A running command. Start it, `wait_ready`, use it, `stop` it; its output stands in `log`.

    It gets SIGKILL when this process dies, whatever this process dies of (on Linux).
    """

    def __init__(self, name: str, command: Sequence[str], log: Path, environ: Mapping[str, str]) -> None:
        self.name = name
        self.log = log
        self._asked = False
        tethered = [sys.executable, "-S", "-E", str(_PARENT_DEATH), str(os.getpid()), *command]
        with log.open("ab") as output:
            # In a group of its own, so that Ctrl-C reaches us alone and we stop all in order.
            self._process = subprocess.Popen(  # noqa: S603 - our own commands
                tethered,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**environ},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process's id: the command's own, for the tether became it."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """What it ended with; negative for a signal, None while it runs."""
        return self._process.poll()

    def wait_ready(self, condition: Callable[[], bool], *, seconds: float = 60) -> None:
        """Wait until it is ready. Misconfigured, with the end of its log, where it dies or takes too long."""
        if wait_until(lambda: not self.alive or condition(), seconds=seconds) and self.alive:
            return
        what = "is not ready in time" if self.alive else f"ended with {self.exit_code}"
        raise Misconfigured(f"{self.name} {what}. The end of {self.log}:\n{self.tail()}")

    def tail(self) -> str:
        """The last lines of its log."""
        text = self.log.read_text("utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-_TAIL_LINES:])

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self.alive:
            self._process.send_signal(number)

    def ask_to_stop(self) -> None:
        """Ask it to finish (SIGTERM), once: a second time would tell a Celery worker to drop everything."""
        if not self._asked:
            self._asked = True
            self.send_signal(signal.SIGTERM)

    def stop(self, *, seconds: float = 60) -> int:
        """Ask it to finish, and kill it where it has not after so long; give its exit code."""
        self.ask_to_stop()
        return self.wait(seconds=seconds)

    def wait(self, *, seconds: float = 60) -> int:
        """Wait for a command that ends by itself; give its exit code. Killed where it takes longer."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return self.kill()

    def kill(self) -> int:
        """End it at once (SIGKILL), as a power cut would; give its exit code."""
        self.send_signal(signal.SIGKILL)
        return self._process.wait()
