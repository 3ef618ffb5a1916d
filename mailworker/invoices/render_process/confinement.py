"""What the rendering process gives up before its first invoice: memory, files, network, programs, privileges.

A template or a picture that got the better of Python or of a C library would find nothing to take and nobody
to call. All of it is the Linux kernel's own: no_new_privs, limits, an unprivileged user, capabilities,
Landlock (5.13 and later), seccomp. What a kernel does not offer is left out; the sandbox of the templates
stands by itself.
"""

import ctypes
import os
import platform
import resource
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from mailworker.invoices.render_process import landlock
from mailworker.invoices.render_process.unprivileged import become_nobody

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 22, 38
_CAPABILITY_VERSION = 0x20080522
_OPEN_FILES = 256
#: The largest file that it may write: an unpacked font has a tenth of that.
_FILE_BYTES = 64 * 1024 * 1024

#: The kernel's architecture word (linux/audit.h), then the numbers of what is refused: socket, connect,
#: execve, execveat, ptrace, process_vm_readv, process_vm_writev, io_uring_setup, kill, pidfd_open, unshare,
#: setns, mount.
_REFUSED = {
    "x86_64": (0xC000003E, (41, 42, 59, 322, 101, 310, 311, 425, 62, 434, 272, 308, 165)),
    "aarch64": (0xC00000B7, (198, 203, 221, 281, 117, 270, 271, 425, 129, 434, 97, 268, 40)),
}
#: Where systems keep libraries, fonts, time zones and what says where they are; no secrets, no data.
_SYSTEM = (
    "/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib", "/usr/share", "/usr/local/share",
    "/etc/fonts", "/etc/ld.so.cache", "/etc/mime.types", "/etc/localtime", "/var/cache/fontconfig",
    "/opt/homebrew",
)  # fmt: skip
_OF_HOME = (".cache/fontconfig", ".fonts", ".local/share/fonts", ".config/fontconfig")


def confine(folders: Iterable[Path], scratch: Path | None = None) -> tuple[str, ...]:
    """Give up all but reading libraries, fonts and these folders; names the barriers that now stand.

    `scratch` is a folder of its own, where WeasyPrint unpacks the fonts of an operator's template.
    """
    if sys.platform != "linux":
        return ()
    libc = ctypes.CDLL(None, use_errno=True)
    folders = list(folders)
    unprivileged = become_nobody(folders, scratch)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold a customer's invoice
    for limit, most in ((resource.RLIMIT_NOFILE, _OPEN_FILES), (resource.RLIMIT_FSIZE, _FILE_BYTES)):
        with suppress(ValueError):  # the host allows even less
            resource.setrlimit(limit, (most, most))
    barriers = {
        "user": unprivileged,
        "capabilities": _drop_capabilities(libc),
        "files": landlock.read_only([*_code(), *_fonts(), *folders], scratch),
        "network": _refuse_calls(libc),
    }
    return tuple(name for name, stands in barriers.items() if stands)


def limit_memory(most: int) -> None:
    """Bound the address space of this process: an allocation beyond it fails, here and nowhere else."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(
        resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
    )


def _code() -> list[Path]:
    """Python's own folders, and those of the packages that are loaded already."""
    packages = [module for name, module in list(sys.modules.items()) if "." not in name]
    paths = [path for module in packages for path in getattr(module, "__path__", ())]
    return [Path(path) for path in (sys.prefix, sys.base_prefix, *paths, *_SYSTEM)]


def _fonts() -> list[Path]:
    home = Path(os.environ.get("HOME", "/nonexistent"))
    own = [os.environ[name] for name in ("FONTCONFIG_FILE", "FONTCONFIG_PATH") if os.environ.get(name)]
    cache = [Path(os.environ["XDG_CACHE_HOME"]) / "fontconfig"] if os.environ.get("XDG_CACHE_HOME") else []
    return [*(home / name for name in _OF_HOME), *map(Path, own), *cache]


def _drop_capabilities(libc: ctypes.CDLL) -> bool:
    """Root without its powers is nobody in particular; others have none to drop."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    return int(libc.capset(header, bytes(24))) == 0


def _refuse_calls(libc: ctypes.CDLL) -> bool:
    """A seccomp filter that answers the refused system calls with EPERM."""
    if platform.machine() not in _REFUSED:
        return False
    program = _program(*_REFUSED[platform.machine()])
    instructions = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions))
    return int(libc.prctl(_PR_SET_SECCOMP, 2, head, 0, 0)) == 0


def _program(architecture: int, refused: tuple[int, ...]) -> bytes:
    """Classic BPF (linux/filter.h): a refused number gets EPERM, another architecture is killed."""
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06
    kill, allow, forbid = 0x80000000, 0x7FFF0000, 0x00050001
    last = len(refused)
    tests = [(equal, last - index, 0, number) for index, number in enumerate(refused)]
    steps = [
        (load, 0, 0, 4),
        (equal, 1, 0, architecture),
        (give, 0, 0, kill),
        (load, 0, 0, 0),
        (at_least, last + 1, 0, 0x40000000),  # x32's numbers lie there
        *tests,
        (give, 0, 0, allow),
        (give, 0, 0, forbid),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
