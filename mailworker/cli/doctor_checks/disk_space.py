"""Whether a disk that we write to is almost full, shown before it is."""

import shutil
from collections.abc import Iterator
from pathlib import Path

#: Below this much free room on a disk that we write to, in bytes, and as a share of it.
_LITTLE_BYTES, _LITTLE_SHARE = 500_000_000, 0.02
_NOTHING = 1_000_000


def disk_space_faults(folder: Path) -> Iterator[str]:
    """Whether the disk is almost full, shown before it is."""
    room = shutil.disk_usage(folder)
    if room.free < _NOTHING:  # a small write may still find room in a file of before
        yield f"The disk of {folder} is full: free some of it; mail waits and nothing is lost."
    elif room.free < max(_LITTLE_BYTES, room.total * _LITTLE_SHARE):
        left = f"{room.free // 1_000_000} MB left"
        yield f"The disk of {folder} has only {left}: free some before writing fails."
