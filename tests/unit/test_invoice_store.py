"""Where PDFs stay."""

import errno
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import BadInput, Misconfigured, TransientError
from mailworker.invoices import FolderStore, PdfStore, UrlStore, pdf_store

NOW = datetime.now(UTC)


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> PdfStore:
    place = str(tmp_path / "a" / "b") if request.param == "folder" else f"memory://{uuid4()}"
    return pdf_store(InvoiceSettings(store=place))


def test_what_was_put_is_there_until_it_is_deleted(store: PdfStore) -> None:
    assert store.get("m1.pdf") is None
    store.put("m1.pdf", b"%PDF-1")
    store.put("m1.pdf", b"%PDF-2")
    assert store.get("m1.pdf") == b"%PDF-2"
    store.delete("m1.pdf")
    store.delete("m1.pdf")
    assert store.get("m1.pdf") is None


def test_a_sweep_removes_what_is_too_old_and_only_that(store: PdfStore) -> None:
    store.put("m1.pdf", b"%PDF")
    assert store.sweep(now=NOW + timedelta(days=29), older_than=timedelta(days=30)) == 0
    assert store.get("m1.pdf")
    assert store.sweep(now=NOW + timedelta(days=31), older_than=timedelta(days=30)) == 1
    assert store.get("m1.pdf") is None


def test_a_sweep_keeps_what_is_exactly_that_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, url = FolderStore(tmp_path), UrlStore(f"memory://{uuid4()}")
    put = datetime(2026, 1, 1, tzinfo=UTC)
    for store in (folder, url):
        store.put("m1.pdf", b"%PDF")
    os.utime(tmp_path / "m1.pdf", (put.timestamp(), put.timestamp()))
    monkeypatch.setattr(url.system, "modified", lambda _path: put)
    for store in (folder, url):
        month = timedelta(days=30)
        assert store.sweep(now=put + month, older_than=month) == 0
        assert store.sweep(now=put + month + timedelta(milliseconds=1), older_than=month) == 1


def test_a_sweep_of_nothing(store: PdfStore) -> None:
    assert store.sweep(now=NOW, older_than=timedelta(0)) == 0


@pytest.mark.parametrize("key", ["", "../m1.pdf", "a/b.pdf", "/etc/passwd", ".hidden", "é.pdf", "a b.pdf"])
def test_a_key_stays_in_its_folder(store: PdfStore, key: str) -> None:
    with pytest.raises(
        BadInput, match="may hold only letters, digits, dots, hyphens and underscores, and no folder"
    ):
        store.put(key, b"%PDF")


def test_a_full_disk_may_be_better_later_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    store = FolderStore(tmp_path)
    store.put("m1.pdf", b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TransientError, match="No space left on device"):
        store.put("m1.pdf", b"new")
    assert store.get("m1.pdf") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["m1.pdf"]


def test_a_file_and_then_its_folder_outlive_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(Path(f"/proc/self/fd/{number}").readlink()))
    FolderStore(tmp_path).put("m1.pdf", b"%PDF")
    assert [one.suffix for one in synced] == [".part", ""]
    assert (synced[0].parent, synced[1]) == (tmp_path, tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(TransientError, match="does not work now"):
        FolderStore(tmp_path / "taken" / "sub").put("m1.pdf", b"%PDF")


def test_a_sweep_also_takes_what_a_killed_writer_left(tmp_path: Path) -> None:
    (tmp_path / ".m1.pdf.0123.part").write_bytes(b"half")
    assert FolderStore(tmp_path).sweep(now=NOW + timedelta(days=2), older_than=timedelta(days=1)) == 1


def test_a_store_is_named_without_its_login_and_its_objects_with_one_slash() -> None:
    assert UrlStore("memory://user:secret@folder/").location == "folder/"
    assert UrlStore("file:///")._at("m1.pdf") == "/m1.pdf"


def test_an_unknown_kind_of_url() -> None:
    with pytest.raises(Misconfigured, match=r"invoice\.store cannot be opened"):
        UrlStore("nowhere://bucket/path")
