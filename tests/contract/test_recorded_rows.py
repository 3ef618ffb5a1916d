"""A row of the local Mailjet has the fields and types of the rows that the real one was recorded with.

`recorded_rows.json`: names and types in answers of 2020 to 2025 that Mailjet's Ruby client keeps with its tests.
"""

import json
from pathlib import Path

import pytest
import requests

pytestmark = pytest.mark.integration

RECORDED = json.loads(Path(__file__).with_name("recorded_rows.json").read_text(encoding="utf-8"))
_KINDS = {
    str: "str",
    bool: "bool",
    int: "int",
    float: "int",
    list: "list",
    dict: "object",
    type(None): "null",
}


@pytest.fixture
def ask(mailjet):
    """A session with an account in which there is one of everything."""
    with requests.Session() as session:
        session.auth = (mailjet.settings.api_key, mailjet.settings.api_secret.reveal())

        def ask_(method, path, **body):
            answer = session.request(method, f"{mailjet.url}/{path}", json=body or None, timeout=10)
            return answer.json()

        yield ask_


def fill(ask):
    """Make one of everything; what a row's path has besides its resource's name."""
    person = {"Email": "a@example.com"}
    ask("POST", "v3.1/send", Messages=[{"From": person, "To": [person], "Subject": "S", "TextPart": "T"}])
    ask("POST", "v3/REST/contactmetadata", Name="city", Datatype="str", NameSpace="static")
    ask("POST", "v3/REST/contactfilter", Name="S", Expression='(city="Lyon")')
    ask("POST", "v3/REST/eventcallbackurl", Url="http://127.0.0.1:9/", EventType="open")
    ask("POST", "v3/REST/sender", Email="me@example.com")
    _send_campaign(ask)
    (message, *_) = ask("GET", "v3/REST/message")["Data"]
    figures = "?CounterSource=APIKey&CounterTiming=Message&CounterResolution=Lifetime"
    return {
        "messagehistory": f"/{message['ID']}",
        "messageinformation": f"/{message['ID']}",
        "statcounters": figures,
    }


def _send_campaign(ask):
    (list_,) = ask("POST", "v3/REST/contactslist", Name="L")["Data"]
    for name in "ab":
        person = {"Email": f"{name}@example.com", "Properties": {"city": "Lyon"}}
        ask("POST", f"v3/REST/contactslist/{list_['ID']}/managecontact", Action="addforce", **person)
    sender = {"Sender": "Us", "SenderEmail": "us@example.com", "Subject": "S", "Locale": "en_US"}
    (draft,) = ask("POST", "v3/REST/campaigndraft", Title="T", ContactsListID=list_["ID"], **sender)["Data"]
    ask("POST", f"v3/REST/campaigndraft/{draft['ID']}/detailcontent", **{"Text-part": "x"})
    ask("POST", f"v3/REST/campaigndraft/{draft['ID']}/send")


@pytest.mark.parametrize("resource", sorted(RECORDED))
def test_a_row_has_the_recorded_fields_and_types(ask, resource):
    where = fill(ask).get(resource, "")
    rows = ask("GET", f"v3/REST/{resource}{where}")["Data"]
    assert rows
    for row in rows:
        assert {name: _KINDS[type(value)] for name, value in row.items()} == RECORDED[resource]
