"""Every local Mailjet that a session's tests start writes down its calls; at the end all are held against Mailjet's description."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest

from tests.contract.rest_description import Exchange, misfits, read_record

_SWITCH = "MAILJET_SIMULATOR_RECORD"


@contextmanager
def everything_fits(folder: Path) -> Iterator[Path]:
    """Have local Mailjets record into a file that is given; fail with every difference at the end."""
    path = folder / "calls.jsonl"
    path.touch()
    with mock.patch.dict(os.environ, {_SWITCH: str(path)}):
        yield path
    found = differences(read_record(path))
    if found:
        pytest.fail("Not as Mailjet describes it:\n" + "\n".join(found), pytrace=False)


def differences(record: list[Exchange]) -> list[str]:
    """Each difference once, and how often it was seen."""
    found: dict[str, int] = {}
    for one in record:
        for text in misfits(one):
            found[text] = found.get(text, 0) + 1
    return [f"{text} ({count} times)" for text, count in sorted(found.items())]
