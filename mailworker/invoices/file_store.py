"""Where PDFs stay until they are sent again or too old."""

import asyncio
import errno
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import BadInput, MailworkerError, Misconfigured, TransientError

#: The file by which a store is known; no sweep takes it.
MARK = "mailworker-store-mark"


class PdfStore(Protocol):
    """Keeps PDFs by key. Keys are plain names such as `<message id>.pdf`, without folders."""

    def put(self, key: str, pdf: bytes) -> None:
        """Keep it whole or not at all, replacing what was there. TransientError where that fails."""

    def put_first(self, key: str, content: bytes) -> None:
        """Keep it where there is nothing yet. TransientError where that fails."""

    def get(self, key: str) -> bytes | None:
        """The bytes, or None where there are none."""

    def delete(self, key: str) -> None:
        """Remove it, if it is there."""

    def sweep(self, *, now: datetime, older_than: timedelta) -> int:
        """Remove what was put longer ago than that; how many those were."""


def pdf_store(settings: InvoiceSettings) -> PdfStore:
    """The store that `invoice.store` names: a folder, or whatever fsspec reaches by URL."""
    location = settings.store
    return UrlStore(location) if "://" in location else FolderStore(Path(location))


def checked(key: str) -> str:
    """The key itself; BadInput for one that would leave its folder."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", key):
        raise BadInput(
            "A PDF's key may hold only letters, digits, dots, hyphens and underscores, and no folder."
        )
    return key


@contextmanager
def _os_errors(store: str) -> Iterator[None]:
    """A full disk, missing rights, a lost network: all may be better later."""
    try:
        yield
    except OSError as wrong:
        reason = _code(wrong) or (os.strerror(wrong.errno) if wrong.errno else type(wrong).__name__)
        if str(wrong).endswith("no bucket"):
            reason = "there is no such bucket"
        raise TransientError(f"The PDF store {store} does not work now: {reason}.") from wrong


def _code(wrong: OSError) -> str:
    """The word by which S3 says why, as AccessDenied; empty where it says none."""
    answer = getattr(wrong.__cause__, "response", None) or {}
    code = str((answer.get("Error") or {}).get("Code") or "")
    return code if code.isascii() and code.isalpha() else ""


class FolderStore:
    """Files in one folder, written whole or not at all: new file, fsync, rename, fsync of the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, key: str, pdf: bytes) -> None:
        """Keep it; after a power cut there is either the old file or the new one."""
        self._put(key, pdf, Path.replace)

    def put_first(self, key: str, content: bytes) -> None:
        """Keep it, unless another process was faster."""
        self._put(key, content, _link_first)

    def _put(self, key: str, content: bytes, into_place: Callable[[Path, Path], object]) -> None:
        path = self.folder / checked(key)
        with _os_errors(str(self.folder)):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
            try:
                _write_through(part, content)
                into_place(part, path)
                _sync_folder(self.folder)
            finally:
                part.unlink(missing_ok=True)

    def get(self, key: str) -> bytes | None:
        """The bytes, or None."""
        with _os_errors(str(self.folder)):
            try:
                return (self.folder / checked(key)).read_bytes()
            except FileNotFoundError:
                return None

    def delete(self, key: str) -> None:
        """Remove the file."""
        with _os_errors(str(self.folder)):
            (self.folder / checked(key)).unlink(missing_ok=True)

    def sweep(self, *, now: datetime, older_than: timedelta) -> int:
        """Remove old files, and what a killed writer left behind."""
        oldest = (now - older_than).timestamp()
        gone = 0
        with _os_errors(str(self.folder)):
            for path in self.folder.glob("*") if self.folder.is_dir() else ():
                with suppress(FileNotFoundError):  # another sweep was faster
                    if path.name != MARK and path.is_file() and path.stat().st_mtime < oldest:
                        path.unlink()
                        gone += 1
        return gone


def _link_first(part: Path, path: Path) -> None:
    try:
        path.hardlink_to(part)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links, as SMB's; of two the later one's stays
        part.replace(path)


def _write_through(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


#: What an S3 that says nothing costs, in seconds, how often it is tried, and the most for all: far less than
#: a task may take, at whose end its process and the messages in hand would pay for it.
_CONNECT, _READ, _TRIES, _MOST = 5, 10, 2, 25


def _options(url: str) -> dict[str, Any]:
    """No listing is remembered: other hosts write, too. S3's own time-outs would be minutes."""
    options: dict[str, Any] = {"use_listings_cache": False}
    if url.startswith("s3://"):
        once = {"total_max_attempts": 1}  # s3fs itself tries again
        options["config_kwargs"] = {"connect_timeout": _CONNECT, "read_timeout": _READ, "retries": once}
    return options


class UrlStore:
    """Objects below a URL that fsspec knows: s3://, gs://, az://, memory://."""

    def __init__(self, url: str) -> None:
        try:
            from fsspec.core import url_to_fs  # noqa: PLC0415 - a folder needs none of it

            self.system, self.root = url_to_fs(url, **_options(url))
        except (ImportError, ValueError) as wrong:
            raise Misconfigured(f"invoice.store cannot be opened: {wrong}") from None
        self._is_s3 = url.startswith("s3://")
        if self._is_s3:
            self.system.retries = _TRIES
        self.location = url.rpartition("@")[2]

    def _at(self, key: str) -> str:
        return f"{self.root.rstrip('/')}/{checked(key)}"

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Each library behind fsspec has errors of its own, as botocore's where nobody answers."""
        try:
            with _os_errors(self.location):
                yield
        except MailworkerError:
            raise
        except Exception as wrong:
            # Its type alone: its text may quote the request with its credentials.
            raise TransientError(
                f"The PDF store {self.location} does not work now: {type(wrong).__name__}."
            ) from wrong

    def _ask(self, method: str, *given: Any) -> Any:
        """Call this method of fsspec's, and give up in time.

        aiohttp waits for ever for the answer to a body that was asked for (Expect: 100-continue).
        """
        if not self.system.async_impl:
            return getattr(self.system, method)(*given)
        from fsspec.asyn import sync  # noqa: PLC0415 - a folder needs none of it

        async def in_time() -> Any:
            async with asyncio.timeout(_MOST):
                return await getattr(self.system, f"_{method}")(*given)

        return sync(self.system.loop, in_time)

    def put(self, key: str, pdf: bytes) -> None:
        """Keep it; object stores make an object visible only when it is whole."""
        path = self._at(key)
        with self._errors():
            try:
                self._ask("pipe_file", path, pdf)
            except FileNotFoundError:
                # Who may write objects seldom may make buckets, and a misspelt one is none to make.
                if self._is_s3:
                    raise FileNotFoundError(errno.ENOENT, "no bucket") from None
                self.system.makedirs(self.root, exist_ok=True)
                self._ask("pipe_file", path, pdf)

    def put_first(self, key: str, content: bytes) -> None:
        """Keep it where there is nothing; of two hosts at the same moment the later one's stays."""
        if self.get(key) is None:
            self.put(key, content)

    def get(self, key: str) -> bytes | None:
        """The bytes, or None."""
        with self._errors():
            try:
                return bytes(self._ask("cat_file", self._at(key)))
            except FileNotFoundError:
                return None

    def delete(self, key: str) -> None:
        """Remove the object."""
        path = self._at(key)
        with self._errors(), suppress(FileNotFoundError):
            if self._ask("exists", path):
                self._ask("rm_file", path)

    def sweep(self, *, now: datetime, older_than: timedelta) -> int:
        """Remove old objects, by the time that the store itself noted."""
        with self._errors():
            if not self.system.exists(self.root):
                return 0
            objects = [path for path in self.system.find(self.root) if not path.endswith(f"/{MARK}")]
            old = [path for path in objects if self.system.modified(path) < now - older_than]
            for path in old:
                self.system.rm_file(path)
            return len(old)


def store_identity(store: PdfStore) -> str:
    """The store's own mark, made when it has none. Raises TransientError where the store does not work."""
    kept = store.get(MARK)
    if kept is None:
        store.put_first(MARK, secrets.token_hex(8).encode())
        kept = store.get(MARK)  # another process may have been faster
    return (kept or b"").decode("ascii", "replace")
