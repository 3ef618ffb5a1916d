"""The fixture for strangers: their own code against a local Mailjet that forgets between tests."""

import pytest
from mailjet_rest import Client

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_finds_it_empty(mailjet_simulator, turn):
    assert mailjet_simulator.mails == []
    settings = mailjet_simulator.settings
    auth = (settings.api_key, settings.api_secret.reveal())
    message = {"From": {"Email": "a@example.com"}, "To": [{"Email": f"b{turn}@example.com"}], "TextPart": "T"}
    with Client(auth=auth, version="v3.1", api_url=mailjet_simulator.url) as client:
        client.send.create(data={"Messages": [message]})
    assert [mail.to for mail in mailjet_simulator.mails] == [(f"b{turn}@example.com",)]
