"""Memory that a worker no longer needs goes back to the system, so that its limit is for what it does now.

By itself the C library keeps what large files took: each thread has an arena of its own, and after the first
large block that is freed the next ones come out of these arenas, with holes between them. Four processes of a
worker grew to 760 MB on a backlog of 1 MB files that way; with fixed thresholds, to 490.
"""

import ctypes
import gc

# <malloc.h> of glibc.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
#: Blocks from this size on are the system's again as soon as they are freed.
_LARGE = 256 * 1024
_ARENAS = 2


def return_freed_memory() -> bool:
    """Set it for this process and all that it forks; false where the C library has no such thing."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    wanted = {_M_MMAP_THRESHOLD: _LARGE, _M_TRIM_THRESHOLD: 4 * _LARGE, _M_ARENA_MAX: _ARENAS}
    taken = [mallopt(option, value) for option, value in wanted.items()]
    return set(taken) == {1}


def share_what_is_loaded() -> None:
    """Let children have a parent's modules in common: its garbage collector would write into each of them.

    Called before the fork. A child then has 24 MB of its own instead of 52.
    """
    gc.collect()
    gc.freeze()
