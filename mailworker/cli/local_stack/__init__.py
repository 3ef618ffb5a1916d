"""Starting and stopping everything on one machine: Redis, a local Mailjet, workers, beat.

The demo, `mailworker dev`, and every test that needs real processes are built on this.
"""

from typing import TYPE_CHECKING

from mailworker.core.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from mailworker.cli.local_stack.child_process import Child, wait_until
    from mailworker.cli.local_stack.production_workers import PRODUCTION_WORKERS, WorkerProcess
    from mailworker.cli.local_stack.servers import Servers, Worker

__all__ = ["PRODUCTION_WORKERS", "Child", "Servers", "Worker", "WorkerProcess", "wait_until"]

__getattr__ = lazy_exports(
    __name__,
    {
        "PRODUCTION_WORKERS": "production_workers",
        "Child": "child_process",
        "Servers": "servers",
        "Worker": "servers",
        "WorkerProcess": "production_workers",
        "wait_until": "child_process",
    },
)
