"""What Mailjet's `message` resource is asked, and which of its rows are taken for a message of ours."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.errors import TransientError
from mailworker.mailjet.message_resource import Found, find_by_custom_id, list_between

SINCE = datetime(2026, 11, 30, 9, 0, 0, 900_000, tzinfo=UTC)


class Mailjet:
    """Answers one call after the other with these pages, and keeps what it was asked."""

    def __init__(self, *pages):
        self.pages = list(pages)
        self.asked = []

    def rest(self, call):
        self.asked.append(call)
        page = self.pages.pop(0)
        return {"Count": len(page), "Data": page, "Total": len(page)}


def mail(number, name="m-1", **more):
    return {"ID": number, "CustomID": name, "UUID": f"u{number}", "Status": "sent"} | more


def test_what_is_asked_about_one_message():
    mailjet = Mailjet([])
    assert find_by_custom_id(mailjet, "m-1") is None
    (call,) = mailjet.asked
    assert (call.endpoint, call.method, call.id) == ("message", "GET", None)
    assert call.filters == {"CustomID": "m-1", "ShowCustomID": "true", "Limit": 100}


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (mail(7), Found("m-1", 7, "u7", "sent")),
        (mail("7"), Found("m-1", 7, "u7", "sent")),
        (mail(7, UUID=None, Status=None), Found("m-1", 7, "", "unknown")),
        (mail(7, UUID="", Status=""), Found("m-1", 7, "", "unknown")),
        ({"ID": 7, "CustomID": "m-1"}, Found("m-1", 7, "", "unknown")),
        (mail(10**18), Found("m-1", 10**18, f"u{10**18}", "sent")),
    ],
)
def test_which_row_is_the_message(row, found):
    assert find_by_custom_id(Mailjet([row]), "m-1") == found


@pytest.mark.parametrize(
    "row",
    [
        mail(7, "m-2"),
        mail(7, ""),
        mail(7, None),
        mail(None),
        mail("7a"),
        mail(-7),
        mail("²"),
        mail("٣"),
        mail(10**19),
        mail(2**63),
        mail("9" * 5_000),
        {"CustomID": "m-1"},
    ],
)
def test_rows_of_which_none_is_the_message_prove_nothing(row):
    with pytest.raises(TransientError, match="other messages"):
        find_by_custom_id(Mailjet([row]), "m-1")


@pytest.mark.parametrize(
    "body", [None, {}, [], {"Data": None}, {"Data": {}}, {"Count": 0}, "<html>", {"Data": ["x"]}]
)
def test_only_an_empty_list_says_that_nothing_is_there(body):
    class Gateway:
        def rest(self, _call):
            return body

    with pytest.raises(TransientError, match="no list"):
        find_by_custom_id(Gateway(), "m-1")
    with pytest.raises(TransientError, match="no list"):
        list(list_between(Gateway(), SINCE, SINCE))


def test_a_list_without_the_ids_that_were_asked_for_proves_nothing():
    with pytest.raises(TransientError, match="without the CustomIDs"):
        list(list_between(Mailjet([{"ID": 7}, {"ID": 8}]), SINCE, SINCE))


@pytest.mark.parametrize("nameless", ["None", "False", "0"])
def test_a_row_without_a_name_is_nobody_of_that_word(nameless):
    rows = [mail(7, None), mail(8, ""), {"ID": 9}, mail(10, 0), mail(11, False)]
    with pytest.raises(TransientError):
        find_by_custom_id(Mailjet(rows), nameless)


def test_of_a_message_and_its_copies_the_oldest_is_given():
    rows = [mail(9), mail(5, "m-2"), mail(7), mail("x"), mail(8)]
    assert find_by_custom_id(Mailjet(rows), "m-1").message_id == 7


def test_what_is_asked_about_a_time():
    mailjet = Mailjet([])
    until = (SINCE + timedelta(hours=1)).astimezone(timezone(timedelta(hours=4)))
    assert list(list_between(mailjet, SINCE, until)) == []
    (call,) = mailjet.asked
    start = int(datetime(2026, 11, 30, 9, tzinfo=UTC).timestamp())
    asked = {"FromTS": start, "ToTS": start + 3600, "ShowCustomID": "true", "Sort": "ID DESC"}
    assert call.filters == asked | {"Limit": 1000, "Offset": 0}
    assert call.endpoint == "message"


def test_of_a_page_the_rows_with_a_name_are_given():
    page = [
        mail(9, "a"),
        mail(8, ""),
        mail(7, None),
        mail("x", ""),
        {"ID": 6},
        mail(5, "c", Status="opened"),
    ]
    found = list_between(Mailjet(page), SINCE, SINCE)
    assert list(found) == [[Found("a", 9, "u9", "sent"), Found("c", 5, "u5", "opened")]]


@pytest.mark.parametrize("number", [None, "x", 2**63, -1])
def test_a_message_that_is_shown_without_its_number_is_not_taken_for_missing(number):
    page = [mail(9, "a"), mail(number, "b")]
    with pytest.raises(TransientError, match="without its number"):
        list(list_between(Mailjet(page), SINCE, SINCE))


class Answers:
    """Answers with these bodies, as they are."""

    def __init__(self, *bodies):
        self.bodies = list(bodies)

    def rest(self, _call):
        return self.bodies.pop(0)


ROWS = [mail(n, f"m-{n}") for n in range(1, 6)]
NOT_WHOLE = [
    pytest.param({"Count": 5, "Data": [], "Total": 5}, id="all rows are gone"),
    pytest.param({"Count": 5, "Data": ROWS[:2], "Total": 5}, id="rows got lost on the way"),
    pytest.param({"Count": 1, "Data": ROWS[:2], "Total": 2}, id="more rows than it counts"),
    pytest.param({"Count": 0, "Data": [], "Total": 3}, id="an empty page of some"),
    pytest.param({"Count": 2, "Data": ROWS[:2], "Total": 5}, id="a page shorter than it was asked for"),
    pytest.param({"Data": [], "Total": 0}, id="no count"),
    pytest.param({"Count": None, "Data": []}, id="an empty count"),
    pytest.param({"Count": "many", "Data": ROWS[:2]}, id="a count that is none"),
    pytest.param({"Count": -1, "Data": []}, id="less than none"),
    pytest.param({"Count": True, "Data": ROWS[:1]}, id="a count of another kind"),
]


@pytest.mark.parametrize("body", NOT_WHOLE)
def test_a_list_that_is_not_whole_says_of_nobody_that_they_are_not_there(body):
    with pytest.raises(TransientError, match="not whole"):
        find_by_custom_id(Answers(body), "m-9")
    with pytest.raises(TransientError, match="not whole"):
        list(list_between(Answers(body), SINCE, SINCE))


@pytest.mark.parametrize("total", [None, 0, 2, "2", 1_002])
def test_the_total_of_a_page_or_of_all_pages_is_taken(total):
    """Mailjet's is the page's own; some of its pages write numbers as text, and none may be missing for it."""
    full, last = [mail(n, "a") for n in range(1000)], ROWS[:2]
    bodies = (
        {"Count": 1000, "Data": full, "Total": total},
        {"Count": "2", "Data": last, "Total": total},
    )
    found = list(list_between(Answers(*bodies), SINCE, SINCE))
    assert [len(page) for page in found] == [1000, 2]


def test_a_server_that_shows_the_same_page_for_ever_is_left():
    page = {"Count": 1000, "Data": [mail(n, "a") for n in range(1000)], "Total": 1000}
    with pytest.raises(TransientError, match="same page"):
        list(list_between(Answers(*[page] * 5), SINCE, SINCE))


@given(
    there=st.lists(st.integers(1, 10**6), unique=True, max_size=30),
    kept=st.integers(0, 30),
    count=st.none() | st.integers(-2, 40) | st.text(max_size=3),
    total=st.none() | st.integers(-2, 40),
    wanted=st.integers(1, 10**6),
)
def test_whatever_a_proxy_makes_of_a_list_nobody_who_is_there_is_missing(there, kept, count, total, wanted):
    """Rows may be lost and numbers be wrong: either a message is found, or nothing is said about it."""
    whole = {"Count": len(there), "Data": [mail(n, f"m-{n}") for n in there], "Total": len(there)}
    changed = whole | {"Data": whole["Data"][:kept]}
    if kept >= len(there):
        changed |= {"Count": count, "Total": total}
    try:
        found = list(list_between(Answers(changed), SINCE, SINCE))
    except TransientError:
        return
    assert [one.message_id for page in found for one in page] == there
    names = {one.custom_id for page in found for one in page}
    assert (f"m-{wanted}" in names) == (wanted in there)


def test_a_full_page_is_followed_by_the_next():
    mailjet = Mailjet([mail(n, "a") for n in range(1000)], [mail(1, "b")])
    pages = list(list_between(mailjet, SINCE, SINCE))
    assert [len(page) for page in pages] == [1000, 1]
    assert [call.filters["Offset"] for call in mailjet.asked] == [0, 1000]
