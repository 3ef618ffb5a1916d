"""Writers of one SQLite file take turns.

SQLite has one writer at a time, and those who find it busy sleep longer and longer between their tries: a
worker that writes chunk after chunk keeps everybody else out for seconds. An advisory lock on a file beside the
database wakes the next one the moment it is free.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL


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
        with self.path.open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
