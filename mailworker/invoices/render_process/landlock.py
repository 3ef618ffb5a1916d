"""Landlock: this process may read beneath some folders, write in one of its own, and nothing else.

Source: the kernel's Documentation/userspace-api/landlock.rst and linux/landlock.h.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_VERSION, _PATH_BENEATH = 1, 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
#: How many kinds of access to files each version of the interface knows; later ones know no fewer.
_KINDS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_MOST_KINDS = 16
_FROM_NET, _FROM_SCOPES = 4, 6
_TCP = 0b11  # bind and connect
_SCOPES = 0b11  # abstract sockets and signals: only to its own


def read_only(paths: Iterable[Path], scratch: Path | None = None) -> bool:
    """Allow reading beneath these paths, and nothing else; False where the kernel has no Landlock.

    Beneath `scratch` everything is allowed. Needs no_new_privs. What is open already stays open.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    version = int(libc.syscall(_CREATE_RULESET, None, 0, _VERSION))
    if version < 1:
        return False
    attributes = _attributes(version)
    rules = int(libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0))
    if rules < 0:
        return False
    try:
        for path in {path.resolve() for path in paths}:
            _allow(libc, rules, path, _READ_FILE | _READ_DIR)
        if scratch:
            _allow(libc, rules, scratch, _all_kinds(version))
        return int(libc.syscall(_RESTRICT_SELF, rules, 0)) == 0
    finally:
        os.close(rules)


def _attributes(version: int) -> bytes:
    """Everything that this version can forbid is forbidden."""
    words = [_all_kinds(version)] + [_TCP] * (version >= _FROM_NET) + [_SCOPES] * (version >= _FROM_SCOPES)
    return struct.pack(f"={len(words)}Q", *words)


def _all_kinds(version: int) -> int:
    return (1 << _KINDS.get(version, _MOST_KINDS)) - 1


def _allow(libc: ctypes.CDLL, rules: int, path: Path, access: int) -> None:
    """These kinds of access beneath a path. What is not there, or must not be seen by us, needs no rule.

    Only what is open is asked for more: root's home is closed to who was root a moment ago.
    """
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            access &= ~_READ_DIR
        libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("=Qi", access, fd), 0)
    finally:
        os.close(fd)
