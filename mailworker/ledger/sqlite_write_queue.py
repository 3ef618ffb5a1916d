"""Writers of one SQLite file take turns.

SQLite has one writer at a time, and those who find it busy sleep longer and longer between their tries: a
worker that writes chunk after chunk keeps everybody else out for seconds. An advisory lock on a file beside
the database, asked for every few milliseconds, gives everybody the same chance.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sqlalchemy.engine import URL

from mailworker.errors import TransientError

#: How long a writer waits for those before it, in seconds.
PATIENCE_SECONDS = 30
_NAP_SECONDS = 0.004


class LedgerUnavailable(TransientError):
    """The ledger's database cannot be reached or is locked."""

    subject = "ledger"


@dataclass(frozen=True, slots=True)
class WriteQueue:
    """The queue in front of a database; `path` is None where the database does this itself."""

    path: Path | None

    @classmethod
    def beside(cls, url: URL) -> "WriteQueue":
        """The queue of this database: a `.lock` file for a SQLite file, none for any other."""
        on_disk = url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}
        return cls(Path(f"{url.database}.lock") if on_disk else None)

    @contextmanager
    def my_turn(self) -> Iterator[None]:
        """Wait for the writers before us. The lock ends with its process, however that ends."""
        if self.path is None:
            yield
            return
        with os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as lock:
            _take(lock)
            yield


def _take(lock: IO[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if time.monotonic() > deadline:
            raise LedgerUnavailable(f"Another writer has held the ledger for {PATIENCE_SECONDS} s.")
        time.sleep(_NAP_SECONDS)
