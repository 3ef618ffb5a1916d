"""Root's rendering process becomes nobody, where nobody can read what it needs."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

#: The user that owns nothing, by its number on every Linux (Debian's nobody; the kernel's overflow user).
NOBODY = 65534
#: Files of a folder that are looked at: who may read these may read the rest.
_LOOKED_AT = 200


def become_nobody(folders: Iterable[Path], scratch: Path | None) -> bool:
    """Give up root for good; false where this is not root, or nobody could not read Python or these folders.

    A process of root's without its capabilities still reads what is root's own: other configurations, keys.
    """
    if os.geteuid() != 0:
        return False
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    if not all(_readable(folder) for folder in (*_of_python(), *folders)):
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
        return False
    os.seteuid(0)  # only root can give up its real and saved user, too
    if scratch is not None:
        os.chown(scratch, NOBODY, NOBODY)
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    return True


def _of_python() -> list[Path]:
    """Where modules come from that are loaded later."""
    return [Path(os.__file__).parent, Path(sys.executable).parent, Path(__file__).parents[1]]


def _readable(folder: Path) -> bool:
    try:
        for path in sorted(folder.iterdir())[:_LOOKED_AT]:
            if not os.access(path, os.R_OK, effective_ids=True):
                return False
    except OSError:
        return False
    return True
