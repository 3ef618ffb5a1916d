"""Starting and stopping the whole house on one machine: Redis, a local Mailjet, workers, beat.

The demo, `mailworker dev`, and every test that needs real processes are built on this.
"""

from mailworker.cli.running.child import Child, wait_until
from mailworker.cli.running.crew import CREW, Crew
from mailworker.cli.running.mailbox import Mailbox
from mailworker.cli.running.servers import Servers, Worker

__all__ = ["CREW", "Child", "Crew", "Mailbox", "Servers", "Worker", "wait_until"]
