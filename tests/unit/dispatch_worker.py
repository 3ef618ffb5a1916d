"""A worker of the dispatch machine: a thread that stops at the moments that matter."""

import threading

from mailworker.core.lane import Lane
from mailworker.core.settlement import Receipt
from mailworker.dispatch import DispatchDependencies, Dispatcher
from mailworker.errors import Throttled, TransientError, UnknownOutcome, Unreachable
from mailworker.limits import Permit
from tests.doubles import FakeBreaker, FakeFiles


class Killed(BaseException):
    """The process is gone, wherever it was."""


class Worker:
    """One worker process, as far as it got."""

    def __init__(self, machine, number):
        self.machine, self.number = machine, number
        self.moment, self.mails, self.command, self.fault = "", [], "", None
        self._mine, self._theirs = threading.Semaphore(0), threading.Semaphore(0)
        self.thread = threading.Thread(target=self._live, daemon=True)

    def start(self):
        self.thread.start()
        self._wait()

    def go(self, command):
        self.command = command
        self._mine.release()
        self._wait()

    @property
    def done(self):
        return not self.moment

    def stop_at(self, moment):
        """Called in the worker's own thread: hand over to the machine, come back with its command."""
        self.moment = moment
        self._theirs.release()
        self._mine.acquire()
        if self.command == "die":
            raise Killed
        return self.command

    def _wait(self):
        self._theirs.acquire()
        if self.fault is not None:
            raise self.fault

    def _live(self):
        parts = self.machine.ledger, self, self, FakeFiles(), self.recheck, FakeBreaker()
        deps = DispatchDependencies(*parts, self.machine.journal)
        try:
            Dispatcher(self.machine.settings, deps, clock=self.machine.clock).dispatch_once(
                Lane.NORMAL, patience=1
            )
        except Killed:
            pass
        except Exception as fault:  # noqa: BLE001 - the machine raises it
            self.fault = fault
        self.moment = ""
        self._theirs.release()

    # What the dispatcher works with:

    def take(self, lane, *, patience, worth_waiting):
        self.stop_at("before the claim")
        return Permit(f"call-{self.number}")

    def weigh(self, mail):
        return 1000

    def give_back(self, permit):
        pass

    def pause(self, seconds=0.0):
        return 5.0

    def recheck(self, rows):
        if self.stop_at("claimed") == "the CRM is away":
            raise TransientError("the CRM is away")
        return {}

    def send(self, mails, *, call_id, sandbox=False):
        self.mails = [mail.id for mail in mails]
        answer = self.stop_at("calling")
        if answer == "refused at the door":
            raise Unreachable("refused")
        if answer == "too fast":
            raise Throttled("429", retry_after=1)
        if answer == "lost on the way":
            raise UnknownOutcome("no answer")
        taken = self.mails[:1] if answer == "took one" else self.mails
        self.machine.taken.update(taken)
        if self.stop_at("taken") == "answer lost":
            raise UnknownOutcome("no answer")
        self.machine.learn(taken)
        return [Receipt(1, "u") if id_ in taken else Unreachable("not this one") for id_ in self.mails]
