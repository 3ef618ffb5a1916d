"""Two hosts with a folder each are found out, and a shared one is not suspected."""

import errno
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from mailworker.errors import TransientError
from mailworker.invoices.file_store import MARK, FolderStore, UrlStore, store_identity
from mailworker.queue.host_stores import differing, note_store, stores_in_use
from mailworker.tasks import report_host_store
from tests.doubles import Clock, box
from tests.rows import NOW


def test_a_store_keeps_its_mark_and_two_stores_have_two(tmp_path):
    one, other = FolderStore(tmp_path / "a"), FolderStore(tmp_path / "b")
    assert store_identity(one) == store_identity(FolderStore(tmp_path / "a")) != store_identity(other)


def test_a_mark_that_is_no_text_is_one_all_the_same(tmp_path):
    store = FolderStore(tmp_path)
    store.put(MARK, b"a\xff")
    assert store_identity(store) == "a\ufffd"


def test_no_sweep_takes_the_mark(tmp_path):
    store = FolderStore(tmp_path)
    mark = store_identity(store)
    store.put("old.pdf", b"%PDF")
    assert store.sweep(now=NOW + timedelta(days=9999), older_than=timedelta(days=1)) == 1
    assert store.get(MARK) == mark.encode()


def test_hosts_that_differ_are_named_and_those_that_are_gone_are_not(redis):
    note_store(redis, "one", "m1", NOW)
    note_store(redis, "two", "m1", NOW)
    assert differing(stores_in_use(redis, NOW)) == ""
    note_store(redis, "three", "m2", NOW)
    sentence = differing(stores_in_use(redis, NOW))
    assert "one, three, two" in sentence
    assert "invoice.store" in sentence
    later = NOW + timedelta(minutes=11)
    note_store(redis, "three", "m2", later)
    assert differing(stores_in_use(redis, later)) == ""
    assert redis.hkeys("mailworker:stores") == ["three m2"], "nothing grows with time"


def test_two_hosts_of_one_name_are_told_apart_by_their_stores(redis):
    """As cloned machines and containers are often called."""
    for minute in range(0, 30, 2):
        now = NOW + timedelta(minutes=minute)
        note_store(redis, "worker", "aaaa1111", now)
        note_store(redis, "worker", "bbbb2222", now)
        assert "worker (aaaa11), worker (bbbb22)" in differing(stores_in_use(redis, now))


@pytest.mark.parametrize(("seconds", "hosts"), [(179, 2), (180, 1), (240, 1)])
def test_a_host_whose_store_was_changed_is_not_taken_for_two(redis, seconds, hosts):
    note_store(redis, "worker", "aaaa1111", NOW)
    later = NOW + timedelta(seconds=seconds)
    note_store(redis, "worker", "bbbb2222", later)
    two = {"worker (aaaa11)": "aaaa1111", "worker (bbbb22)": "bbbb2222"}
    assert stores_in_use(redis, later) == (two if hosts == 2 else {"worker": "bbbb2222"})


def test_what_an_earlier_version_noted_counts(redis):
    redis.hset("mailworker:stores", "old", f'["aaaa1111", "{NOW.isoformat()}"]')
    note_store(redis, "new", "bbbb2222", NOW)
    assert "new, old" in differing(stores_in_use(redis, NOW))


class Log:
    def __init__(self):
        self.lines = []

    def error(self, line):
        self.lines.append(line)

    def warning(self, line, **_facts):
        self.lines.append(line)


def test_each_process_tells_a_difference_once(redis, tmp_path, monkeypatch):
    log = Log()
    monkeypatch.setattr(report_host_store, "_log", log)
    monkeypatch.setattr(report_host_store, "EVERY", 0.0)
    container = box(redis=redis, clock=Clock(), store=FolderStore(tmp_path))
    watch = report_host_store.StoreWatch()
    watch.look(container)
    assert log.lines == []
    note_store(redis, "elsewhere", "another", NOW)
    for _ in range(3):
        watch.look(container)
    assert len(log.lines) == 1
    assert "elsewhere" in log.lines[0]


def test_a_process_says_it_once_a_minute(redis, tmp_path, monkeypatch):
    noted, at = [], [0.0]
    monkeypatch.setattr(report_host_store, "note_store", lambda *_: noted.append(at[0]))
    monkeypatch.setattr(report_host_store, "time", SimpleNamespace(monotonic=lambda: at[0]))
    container = box(redis=redis, clock=Clock(), store=FolderStore(tmp_path))
    watch = report_host_store.StoreWatch()
    for at[0] in (0.0, 59.9, 60.0, 119.9, 120.0):
        watch.look(container)
    assert noted == [0.0, 60.0, 120.0]


def test_a_store_that_does_not_work_stops_no_task(redis, monkeypatch):
    log = Log()
    monkeypatch.setattr(report_host_store, "_log", log)

    def broken(_key):
        raise TransientError("The disk is away.")

    report_host_store.StoreWatch().look(box(redis=redis, clock=Clock(), store=box(get=broken)))
    assert len(log.lines) == 1


@pytest.mark.parametrize("place", ["folder", "memory"])
def test_processes_that_start_together_agree_on_a_new_stores_mark(tmp_path, monkeypatch, place):
    """Each had put its own over the others', and for minutes one host was said to have several stores."""
    store = FolderStore(tmp_path) if place == "folder" else UrlStore(f"memory://{tmp_path}")
    real, others = type(store).put_first, []

    def late(self, key, content):
        if not others:
            others.append(content)
            others.append(store_identity(store))  # another process, between our look and our mark
        real(self, key, content)

    monkeypatch.setattr(type(store), "put_first", late)
    assert store_identity(store) == others[1] == store_identity(store)


def test_a_file_system_without_hard_links_keeps_a_mark_too(tmp_path, monkeypatch):
    def refused(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    store = FolderStore(tmp_path)
    assert store_identity(store) == store_identity(store) != ""
