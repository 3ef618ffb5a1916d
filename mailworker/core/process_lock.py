"""A lock among the threads of one process, and all processes that were forked from its parent.

The kernel frees it where its holder dies. It needs no name: the file behind it is the parent's, unlinked, and
comes along at a fork.
"""

import fcntl
import tempfile
from threading import Lock


class ProcessLock:
    """Held by one at a time. Whoever takes it gives it back; another thread of theirs may do it."""

    def __init__(self) -> None:
        self._here = Lock()
        self._file: int | None = None

    def share(self) -> None:
        """Hold it against processes too: those that are forked from this one from now on."""
        if self._file is None:
            with tempfile.TemporaryFile() as file:
                self._file = fcntl.fcntl(file.fileno(), fcntl.F_DUPFD_CLOEXEC)

    def take(self, *, wait: bool = True) -> bool:
        """Take it; false where somebody else has it and nobody waits."""
        if not self._here.acquire(blocking=wait):
            return False
        try:
            if self._file is not None:
                fcntl.lockf(self._file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:  # another process has it
            self._here.release()
            if wait:
                raise
            return False
        except BaseException:
            self._here.release()
            raise
        return True

    def give_back(self) -> None:
        """Let the next one have it."""
        if self._file is not None:
            fcntl.lockf(self._file, fcntl.LOCK_UN)
        self._here.release()

    def is_free(self) -> bool:
        """Whether somebody could have it at this moment."""
        if not self.take(wait=False):
            return False
        self.give_back()
        return True


#: Who reads entries with large files off a stream, among a worker's processes.
LARGE_READS = ProcessLock()
#: Who has a call with large files under way, among a worker's processes.
LARGE_CALLS = ProcessLock()
