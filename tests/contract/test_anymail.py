"""django-anymail's Mailjet backend against the local Mailjet: what its own live tests send."""

import django
import pytest
from django.conf import settings as django_settings
from django.core.mail import get_connection

pytestmark = pytest.mark.integration

if not django_settings.configured:
    django_settings.configure(INSTALLED_APPS=["anymail"], DEFAULT_CHARSET="utf-8", USE_TZ=True)
    django.setup()

from anymail.exceptions import AnymailAPIError  # noqa: E402 - needs the settings
from anymail.message import AnymailMessage  # noqa: E402


@pytest.fixture
def backend(mailjet):
    secret = mailjet.settings.api_secret.reveal()
    return connection(mailjet, secret)


def connection(mailjet, secret):
    return get_connection(
        "anymail.backends.mailjet.EmailBackend",
        api_key=mailjet.settings.api_key,
        secret_key=secret,
        api_url=f"{mailjet.url}/v3.1/",
    )


def message(backend, **changes):
    values = {
        "subject": "Hello",
        "body": "Text",
        "from_email": "Test <test@example.com>",
        "to": ["to1@example.com"],
        "connection": backend,
    }
    return AnymailMessage(**(values | changes))


def test_a_mail_with_everything(mailjet, backend):
    mail = message(
        backend,
        to=["to1@example.com", '"Recipient, 2nd" <to2@example.com>'],
        cc=["cc1@example.com"],
        bcc=["bcc1@example.com"],
        reply_to=['"Reply, To" <reply@example.com>'],
        headers={"X-Anymail-Test": "value"},
        metadata={"meta1": "text", "meta2": 2},
        tags=["tag 1"],
        track_clicks=True,
        track_opens=True,
    )
    mail.attach("a.txt", "Here is some\ntext for you", "text/plain")
    mail.attach_alternative("<p>HTML</p>", "text/html")
    mail.send()
    assert mail.anymail_status.status == {"sent"}
    (arrived,) = mailjet.mails
    assert [one.role for one in arrived.recipients] == ["To", "To", "Cc", "Bcc"]
    assert arrived.attachments[0].content == b"Here is some\ntext for you"


def test_merge_data_is_a_message_for_each(mailjet, backend):
    mail = message(
        backend,
        body="[[var:value]] and [[var:global]]",
        to=["to1@example.com", "to2@example.com"],
        merge_data={"to1@example.com": {"value": "one"}, "to2@example.com": {"value": "two"}},
        merge_global_data={"global": "all"},
        merge_headers={"to1@example.com": {"List-Unsubscribe": "<https://example.com/a/>"}},
    )
    mail.send()
    texts = [mailjet.outcome(one).text for one in mailjet.mails]
    assert texts == ["one and all", "two and all"]


def test_a_stored_template_keeps_its_subject_though_an_empty_one_is_sent(mailjet, backend):
    values = {
        "customer_name": "C",
        "service_name": "S",
        "current_balance": "1",
        "threshold": "2",
        "balance_type": "B",
    }
    mail = message(
        backend,
        subject="",
        body="",
        template_id=5977516,
        merge_data={"to1@example.com": {**values, "topup_url": "https://example.com/"}},
    )
    mail.send()
    assert mail.anymail_status.recipients["to1@example.com"].status == "sent"
    assert mailjet.outcome(mailjet.mails[0]).subject == "Alerte de solde bas"


def test_wrong_keys_are_told(mailjet):
    with pytest.raises(AnymailAPIError, match="API key authentication/authorization failure") as caught:
        message(connection(mailjet, "not the secret")).send()
    assert caught.value.status_code == 401
