"""The one reader of callers' JSON: what it takes at its edges, and the sentence for everything else."""

from datetime import UTC, datetime

import pytest

from mailworker.core.json_fields import JsonFields, is_label


def read(verb, value, *arguments, **options):
    faults = []
    raw = {} if value is ... else {"f": value}
    return getattr(JsonFields(raw, faults, "x."), verb)("f", *arguments, **options), faults


@pytest.mark.parametrize(
    ("verb", "value", "options", "found"),
    [
        ("label", ..., {"longest": 3}, None), ("label", "abc", {"longest": 3}, "abc"), ("label", 10**15 - 1, {"longest": 3}, str(10**15 - 1)),
        ("label", -(10**15) + 1, {"longest": 3}, str(-(10**15) + 1)), ("label", 0, {"longest": 3}, "0"),
        ("line", ..., {"longest": 3}, ""), ("line", None, {"longest": 3}, ""), ("line", " abc ", {"longest": 3}, "abc"), ("line", "", {"longest": 3}, ""),
        ("line", "abc", {"longest": 3, "required": True}, "abc"),
        ("moment", ..., {}, None), ("moment", "2026-11-30T09:00:00+01:00", {}, datetime(2026, 11, 30, 8, tzinfo=UTC)),
        ("moment", "2001-01-01T00:00:00Z", {}, datetime(2001, 1, 1, tzinfo=UTC)), ("moment", "2199-12-31T00:00:00Z", {}, datetime(2199, 12, 31, tzinfo=UTC)),
        ("moment", datetime(2026, 1, 1, tzinfo=UTC), {}, datetime(2026, 1, 1, tzinfo=UTC)),
        ("flag", ..., {}, None), ("flag", True, {}, True), ("flag", False, {}, False),
        ("object", ..., {}, None), ("object", "", {}, None), ("object", None, {}, None),
    ],
)  # fmt: skip
def test_what_is_taken(verb, value, options, found):
    assert read(verb, value, **options) == (found, [])


@pytest.mark.parametrize(
    ("verb", "value", "options", "sentence"),
    [
        ("label", "abcd", {"longest": 3}, "must be one line of text of 1 to 3 characters"),
        ("label", "", {"longest": 3}, "must be one line of text of 1 to 3 characters"),
        ("label", True, {"longest": 3}, "must be one line of text of 1 to 3 characters"),
        ("label", 10**15, {"longest": 3}, "must be one line of text of 1 to 3 characters"),
        ("label", -(10**15), {"longest": 3}, "must be one line of text of 1 to 3 characters"),
        ("label", "a\nb", {"longest": 3}, "must be one line of text of 1 to 3 characters"),
        ("line", "abcd", {"longest": 3}, "must be one line of text, at most 3 characters"),
        ("line", 7, {"longest": 3}, "must be one line of text, at most 3 characters"),
        ("line", "a\nb", {"longest": 3}, "must be one line of text, at most 3 characters"),
        ("line", ..., {"longest": 3, "required": True}, "must be one line of text, at most 3 characters"),
        ("line", "  ", {"longest": 3, "required": True}, "must be one line of text, at most 3 characters"),
        ("line", "\x81", {"longest": 3, "required": True}, "must be one line of text, at most 3 characters"),
        ("moment", 7, {}, "write a moment like 2026-11-30T09:00:00+01:00"),
        ("moment", "soon", {}, "write a moment like 2026-11-30T09:00:00+01:00"),
        ("moment", "2026-11-30T09:00:00", {}, "needs its time zone, like 2026-11-30T09:00:00+01:00"),
        ("moment", "2000-12-31T00:00:00Z", {}, "must lie between the years 2000 and 2200"),
        ("moment", "2200-01-01T00:00:00Z", {}, "must lie between the years 2000 and 2200"),
        ("flag", "yes", {}, "must be true or false"), ("flag", 1, {}, "must be true or false"),
        ("object", "x", {}, "must be an object"), ("object", [], {}, "must be an object"), ("object", 0, {}, "must be an object"),
    ],
)  # fmt: skip
def test_what_is_wrong(verb, value, options, sentence):
    found, faults = read(verb, value, **options)
    assert (found or None, faults) == (None, [f"x.f: {sentence}."])


def test_an_object_knows_where_it_stands():
    faults = []
    inner = JsonFields({"a": {"b": {"c": 7}}}, faults).object("a").object("b")
    inner.fault("c", "is wrong")
    inner.refuse_unknown({"d"}, "a thing")
    assert faults == ["a.b.c: is wrong.", "a.b.c: is not a field of a thing."]
    JsonFields({f"n{i}": 1 for i in range(30)}, faults).refuse_unknown({"zzzzzz"}, "it")
    assert len(faults) == 22


@pytest.mark.parametrize(
    ("value", "fits"), [("a", True), ("", False), (1.5, False), (None, False), (False, False), (5, True)]
)
def test_labels(value, fits):
    assert is_label(value, 5) is fits
