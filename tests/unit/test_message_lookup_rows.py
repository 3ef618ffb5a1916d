"""What Mailjet's `message` resource is asked, and which of its rows are taken for a message of ours."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from mailworker.errors import TransientError
from mailworker.mailjet.message_lookup import Found, find_by_custom_id, list_between

SINCE = datetime(2026, 11, 30, 9, 0, 0, 900_000, tzinfo=UTC)


class Mailjet:
    """Answers one call after the other with these pages, and keeps what it was asked."""

    def __init__(self, *pages):
        self.pages = list(pages)
        self.asked = []

    def rest(self, call):
        self.asked.append(call)
        return {"Data": self.pages.pop(0)}


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
        list(list_between(Gateway(), SINCE, SINCE, before_call=lambda: None))


def test_a_list_without_the_ids_that_were_asked_for_proves_nothing():
    with pytest.raises(TransientError, match="without the CustomIDs"):
        list(list_between(Mailjet([{"ID": 7}, {"ID": 8}]), SINCE, SINCE, before_call=lambda: None))


@pytest.mark.parametrize("nameless", ["None", "False", "0"])
def test_a_row_without_a_name_is_nobody_of_that_word(nameless):
    rows = [mail(7, None), mail(8, ""), {"ID": 9}, mail(10, 0), mail(11, False)]
    with pytest.raises(TransientError):
        find_by_custom_id(Mailjet(rows), nameless)


def test_of_a_message_and_its_copies_the_oldest_is_given():
    rows = [mail(9), mail(5, "m-2"), mail(7), mail("x"), mail(8)]
    assert find_by_custom_id(Mailjet(rows), "m-1").message_id == 7


def test_what_is_asked_about_a_time():
    tokens, mailjet = [], Mailjet([])
    until = (SINCE + timedelta(hours=1)).astimezone(timezone(timedelta(hours=4)))
    assert list(list_between(mailjet, SINCE, until, before_call=lambda: tokens.append(1))) == []
    (call,) = mailjet.asked
    start = int(datetime(2026, 11, 30, 9, tzinfo=UTC).timestamp())
    asked = {"FromTS": start, "ToTS": start + 3600, "ShowCustomID": "true", "Sort": "ID DESC"}
    assert call.filters == asked | {"Limit": 1000, "Offset": 0}
    assert (call.endpoint, tokens) == ("message", [1])


def test_of_a_page_the_rows_with_a_number_and_a_name_are_given():
    page = [
        mail(9, "a"),
        mail(8, ""),
        mail(7, None),
        mail("x", "b"),
        {"ID": 6},
        mail(5, "c", Status="opened"),
    ]
    found = list_between(Mailjet(page), SINCE, SINCE, before_call=lambda: None)
    assert list(found) == [[Found("a", 9, "u9", "sent"), Found("c", 5, "u5", "opened")]]


def test_a_full_page_is_followed_by_the_next():
    mailjet = Mailjet([mail(n, "a") for n in range(1000)], [mail(1, "b")])
    pages = list(list_between(mailjet, SINCE, SINCE, before_call=lambda: None))
    assert [len(page) for page in pages] == [1000, 1]
    assert [call.filters["Offset"] for call in mailjet.asked] == [0, 1000]
