"""Mailjet's own Python client, as it comes, against the local Mailjet: the calls of its README and samples."""

import base64

import pytest
import requests
from mailjet_rest import Client
from mailjet_rest.errors import ApiError, DoesNotExistError

pytestmark = pytest.mark.integration

MESSAGE = {
    "From": {"Email": "pilot@example.com", "Name": "Pilot"},
    "To": [{"Email": "passenger@example.com", "Name": "Passenger"}],
    "Subject": "Your flight plan",
    "TextPart": "Dear passenger",
    "HTMLPart": "<h3>Dear passenger</h3>",
}


def client(simulator, version="v3"):
    settings = simulator.settings
    auth = (settings.api_key, settings.api_secret.reveal())
    return Client(auth=auth, version=version, api_url=simulator.url + "/")


@pytest.fixture
def rest(mailjet):
    with client(mailjet) as one:
        yield one


def one_row(answer, status=200):
    assert answer.status_code == status, answer.text
    (row,) = answer.json()["Data"]
    return row


def test_send_and_look_up(mailjet, rest):
    file = {
        "ContentType": "text/plain",
        "Filename": "plan.txt",
        "Base64Content": base64.encodebytes(b"x" * 90).decode(),
    }
    message = MESSAGE | {"CustomID": "flight-7", "Attachments": [file]}
    with client(mailjet, "v3.1") as sender:
        sandbox = sender.send.create(data={"Messages": [message], "SandboxMode": True})
        sent = sender.send.create(data={"Messages": [message], "Globals": {"TrackOpens": "disabled"}})
    assert sandbox.json()["Messages"][0]["To"][0]["MessageID"] == 0
    number = sent.json()["Messages"][0]["To"][0]["MessageID"]
    found = one_row(rest.message.get(filters={"CustomID": "flight-7", "ShowCustomID": True}))
    assert (found["ID"], found["CustomID"], found["AttachmentCount"]) == (number, "flight-7", 1)
    assert one_row(rest.message.get(id=number))["Status"] == "sent"
    assert one_row(rest.messagehistory.get(id=number))["EventType"] == "sent"
    assert one_row(rest.messageinformation.get(id=number))["ID"] == number
    assert mailjet.mails[0].attachments[0].content == b"x" * 90


def test_a_batch_with_one_bad_address_is_a_partial_success(mailjet):
    bad = MESSAGE | {"To": [{"Email": "passenger@example..com"}]}
    with client(mailjet, "v3.1") as sender, pytest.raises(ApiError) as caught:
        sender.send.create(data={"Messages": [MESSAGE, bad]})
    assert caught.value.status_code == 400
    assert [mail.to for mail in mailjet.mails] == [("passenger@example.com",)]


def test_contacts_and_their_lists(rest):
    number = one_row(rest.contact.create(data={"Email": "Mister@example.com"}), 201)["ID"]
    list_id = one_row(rest.contactslist.create(data={"Name": "Crew"}), 201)["ID"]
    one_row(
        rest.contactmetadata.create(data={"Datatype": "str", "Name": "first_name", "NameSpace": "static"}),
        201,
    )
    lists = {"ContactsLists": [{"ListID": list_id, "Action": "addnoforce"}]}
    one_row(rest.contact_managecontactslists.create(id=number, data=lists), 201)
    one_row(rest.contactdata.update(id=number, data={"Data": [{"Name": "first_name", "Value": "John"}]}))
    assert one_row(rest.contactdata.get(id=number))["Data"] == [{"Name": "first_name", "Value": "John"}]
    assert one_row(rest.contact_getcontactslists.get(id=number))["ListID"] == list_id
    assert one_row(rest.contact.update(id=number, data={"Name": "Mister"}))["Name"] == "Mister"
    managed = {"Email": "other@example.com", "Action": "addforce", "Properties": {"first_name": "Ana"}}
    one_row(rest.contactslist_managecontact.create(id=list_id, data=managed), 201)
    many = {
        "Contacts": [{"Email": "third@example.com"}],
        "ContactsLists": [{"ListID": list_id, "action": "addnoforce"}],
    }
    job = one_row(rest.contact_managemanycontacts.create(data=many), 201)["JobID"]
    assert one_row(rest.contact_managemanycontacts.get(action_id=job))["Status"] == "Completed"
    answer = rest.contact.get(filters={"limit": 2, "sort": "Email desc"}).json()
    assert [row["Email"] for row in answer["Data"]] == ["third@example.com", "other@example.com"]
    assert rest.contact.get(filters={"countOnly": 1}).json()["Total"] == 3
    assert len(rest.listrecipient.get(filters={"ContactsList": list_id}).json()["Data"]) == 3
    with pytest.raises(DoesNotExistError):
        rest.contact.get(id=1)


def test_segments_and_campaigns(rest):
    list_id = one_row(rest.contactslist.create(data={"Name": "Crew"}), 201)["ID"]
    one_row(rest.contactmetadata.create(data={"Datatype": "int", "Name": "age"}), 201)
    for name, age in (("a", 20), ("b", 50)):
        data = {"Email": f"{name}@example.com", "Action": "addnoforce", "Properties": {"age": age}}
        rest.contactslist_managecontact.create(id=list_id, data=data)
    segment = {"Name": "Under 35", "Expression": "(age<35)", "Description": "x"}
    segment_id = one_row(rest.contactfilter.create(data=segment), 201)["ID"]
    draft = {
        "Locale": "en_US", "Sender": "Pilot", "SenderEmail": "pilot@example.com", "Subject": "News",
        "ContactsListID": list_id, "SegmentationID": segment_id, "Title": "News",
    }  # fmt: skip
    number = one_row(rest.campaigndraft.create(data=draft), 201)["ID"]
    one_row(
        rest.campaigndraft_detailcontent.create(
            id=number, data={"Text-part": "Hi", "Html-part": "<p>Hi</p>"}
        ),
        201,
    )
    one_row(
        rest.campaigndraft_test.create(id=number, data={"Recipients": [{"Email": "me@example.com"}]}), 201
    )
    assert one_row(rest.campaigndraft_send.create(id=number), 201)["Status"] == "Programmed"
    assert one_row(rest.campaigndraft_status.get(id=number))["Status"] == "Sent"
    campaign = one_row(rest.campaign.get(filters={"Limit": 1}))["ID"]
    filters = {
        "SourceId": campaign,
        "CounterSource": "Campaign",
        "CounterTiming": "Message",
        "CounterResolution": "Lifetime",
    }
    assert one_row(rest.statcounters.get(filters=filters))["MessageSentCount"] == 1  # the test is not counted


def test_templates_senders_and_the_account(rest):
    made = one_row(
        rest.template.create(data={"Name": "T", "Purposes": ["transactional"], "EditMode": 2}), 201
    )
    content = {"Headers": {"Subject": "S"}, "Html-part": "<p>x</p>", "Text-part": "x"}
    one_row(rest.template_detailcontent.create(id=made["ID"], data=content), 201)
    assert one_row(rest.template_detailcontent.get(id=made["ID"]))["Headers"] == {"Subject": "S"}
    assert rest.template.delete(id=made["ID"]).status_code == 204
    sender = one_row(rest.sender.create(data={"Email": "*@example.org"}), 201)["ID"]
    one_row(rest.sender_validate.create(id=sender))
    assert one_row(rest.sender.get(filters={"Email": "*@example.org"}))["Status"] == "Active"
    assert one_row(rest.dns.get(id="example.org"))["SPFStatus"] == "OK"
    assert one_row(rest.apikey.get())["IsActive"] is True
    assert one_row(rest.myprofile.get())["ID"] == one_row(rest.user.get())["ID"]
    callback = {"EventType": "open", "Url": "http://127.0.0.1:9/events", "Status": "alive"}
    number = one_row(rest.eventcallbackurl.create(data=callback), 201)["ID"]
    assert rest.eventcallbackurl.delete(id=number).status_code == 204


def test_what_is_not_modelled_says_so_by_name(rest):
    with pytest.raises(ApiError, match="parseroute"):
        rest.parseroute.create(data={"Url": "https://www.example.com/mj_parse.php"})


def test_v4_erases_though_the_client_cannot_call_it(mailjet, rest):
    number = one_row(rest.contact.create(data={"Email": "gone@example.com", "Name": "Gone"}), 201)["ID"]
    auth = (mailjet.settings.api_key, mailjet.settings.api_secret.reveal())
    assert requests.delete(f"{mailjet.url}/v4/contacts/{number}", auth=auth, timeout=5).status_code == 200
    assert one_row(rest.contact.get(id=number))["Name"] == "Anonymized"
