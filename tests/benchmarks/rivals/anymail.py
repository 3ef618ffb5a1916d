"""django-anymail's Mailjet backend in Celery tasks: one mail each, and as a batch that its caller made."""

import django
from django.conf import settings
from django.core.mail import EmailMessage

from tests.benchmarks.rivals.settings import (
    API_URL,
    KEY,
    SECRET,
    SENDER,
    TEMPLATE_ID,
    celery_app,
    wait_for_turn,
)

settings.configure(
    EMAIL_BACKEND="anymail.backends.mailjet.EmailBackend",
    ANYMAIL={
        "MAILJET_API_KEY": KEY,
        "MAILJET_SECRET_KEY": SECRET,
        "MAILJET_API_URL": f"{API_URL.rstrip('/')}/v3.1/",
    },
    INSTALLED_APPS=["anymail"],
)
django.setup()

app = celery_app("anymail")
_VARIABLES = {"first_name": "Ana", "offer": "Fibre 2 Gb/s"}


@app.task(name="anymail.send")
def send(number: int, email: str) -> None:
    """One mail, one call, once it is its turn."""
    wait_for_turn()
    message = EmailMessage("Bonjour", None, f"{SENDER['Name']} <{SENDER['Email']}>", [email])
    message.template_id = TEMPLATE_ID
    message.merge_global_data = _VARIABLES
    message.esp_extra = {"Globals": {"CustomID": f"anymail-{number}"}}
    message.send()


@app.task(name="anymail.send_batch")
def send_batch(number: int, email: str) -> None:
    """Fifty mails of one kind whose caller had them all in hand, in one call."""
    wait_for_turn()
    everyone = [f"{one}-{email}" for one in range(50)]
    message = EmailMessage("Bonjour", None, f"{SENDER['Name']} <{SENDER['Email']}>", everyone)
    message.template_id = TEMPLATE_ID
    message.merge_data = dict.fromkeys(everyone, _VARIABLES)
    message.send()
