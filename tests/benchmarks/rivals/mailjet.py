"""One Celery task for each mail, through mailjet-rest: throttled by Celery's `rate_limit`, or paced in Redis."""

from mailjet_rest import Client

from tests.benchmarks.rivals.settings import (
    API_URL,
    KEY,
    RATE,
    SECRET,
    SENDER,
    TEMPLATE_ID,
    celery_app,
    wait_for_turn,
)

app = celery_app("mailjet")
_client = Client(auth=(KEY, SECRET), version="v3.1", api_url=API_URL)


@app.task(name="mailjet.send", rate_limit=RATE)
def send(number: int, email: str) -> None:
    """One mail, one call."""
    message = {
        "From": SENDER,
        "To": [{"Email": email, "Name": "Ana Moreau"}],
        "TemplateID": TEMPLATE_ID,
        "TemplateLanguage": True,
        "Subject": "Bonjour",
        "Variables": {"first_name": "Ana", "offer": "Fibre 2 Gb/s"},
        "CustomID": f"mailjet-{number}",
    }
    _client.send.create(data={"Messages": [message]})


@app.task(name="mailjet.send_paced")
def send_paced(number: int, email: str) -> None:
    """The same, once it is its turn."""
    wait_for_turn()
    send(number, email)
