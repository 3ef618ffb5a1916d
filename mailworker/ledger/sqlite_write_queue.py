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
    def my_turn(self, patience: float) -> Iterator[None]:
        """Wait so many seconds for the writers before us. The lock ends with its process, however that ends.

        Raises LedgerUnavailable where they take longer, or where this user may not write there.
        """
        if self.path is None:
            yield
            return
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        except OSError as fault:
            raise unwritable(self.path.with_suffix(""), fault) from None
        with os.fdopen(descriptor, "wb") as lock:
            _take(lock, patience)
            yield


def unwritable(database: Path | str, fault: OSError) -> LedgerUnavailable:
    """What is said where this user may not write to a SQLite file, or to its folder."""
    return LedgerUnavailable(
        f"The ledger {database} cannot be written ({fault.strerror}): let this user write to its folder, "
        "or correct worker.database_url."
    )


def _take(lock: IO[bytes], patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if time.monotonic() > deadline:
            raise LedgerUnavailable(f"The ledger is locked: another writer has held it for {patience} s.")
        time.sleep(_NAP_SECONDS)
