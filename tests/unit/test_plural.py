"""Counts and their nouns in sentences."""

import pytest

from mailworker.core.plural import counted


@pytest.mark.parametrize(
    ("count", "words", "sentence"),
    [
        (0, ("contact",), "0 contacts"),
        (1, ("contact",), "1 contact"),
        (2, ("contact",), "2 contacts"),
        (1, ("entry is", "entries are"), "1 entry is"),
        (0, ("entry is", "entries are"), "0 entries are"),
    ],
)
def test_one_is_one_and_all_else_are_many(count, words, sentence):
    assert counted(count, *words) == sentence
