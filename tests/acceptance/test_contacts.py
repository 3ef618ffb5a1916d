"""A change in OmniCRM reaches the contact at Mailjet by itself: by the client, or by plain Celery."""

from collections.abc import Callable
from typing import Any

import pytest
from celery import Celery

from mailworker.cli.local_stack import wait_until
from tests.acceptance.conftest import RunningStack, answer

pytestmark = pytest.mark.acceptance

Do = Callable[[RunningStack, Celery, str, Any], None]


def by_client(container: RunningStack, _stranger: Celery, verb: str, what: Any) -> None:
    getattr(container.servers.client, verb)(what)


def by_celery(_container: RunningStack, stranger: Celery, verb: str, what: Any) -> None:
    """As a program does that has nothing but Celery, and names no queue."""
    argument = {"sync_contact": "contact", "sync_customer": "customer", "delete_contact": "email"}[verb]
    answer(stranger.send_task(f"mailworker.{verb}", kwargs={argument: what}))


@pytest.mark.parametrize("do", [by_client, by_celery])
def test_a_contact_comes_changes_moves_and_goes(container: RunningStack, stranger: Celery, do: Do):
    name = do.__name__.replace("_", ".")
    first, second = f"{name}@lefevre.example", f"{name}.new@lefevre.example"
    contact = {"contact_id": name, "customer_id": f"C-{name}", "email": first, "contact_type": "billing"}

    do(container, stranger, "sync_contact", contact | {"name": "Ada Lefèvre"})
    lists = {"OmniCRM": False, "OmniCRM billing": False}
    _shown(container, first, lambda one: (one["name"], one["lists"]) == ("Ada Lefèvre", lists))
    assert container.servers.mailbox.contact(first)["properties"]["contact_type"] == "billing"

    do(container, stranger, "sync_contact", contact | {"name": "Ada King"})
    do(
        container,
        stranger,
        "sync_customer",
        {"customer_id": f"C-{name}", "name": "Lefèvre SARL", "city": "Nantes"},
    )
    _shown(
        container, first, lambda one: (one["name"], one["properties"].get("city")) == ("Ada King", "Nantes")
    )

    do(container, stranger, "sync_contact", contact | {"name": "Ada King", "email": second})
    _shown(container, second, lambda one: one["name"] == "Ada King")
    _gone(container, first)

    do(container, stranger, "delete_contact", second)
    _gone(container, second)


def test_an_operator_brings_all_contacts_into_line_and_sees_how_they_stand(container: RunningStack):
    container.servers.celery.send_task("mailworker.sync_all_contacts", queue="contacts", ignore_result=True)

    def status() -> str:
        return container.mailworker("contacts", "status").stdout

    assert wait_until(lambda: "84 contacts read, 84 new" in " ".join(status().split()), seconds=60), status()
    told = container.mailworker("contacts", "sync")
    assert told.returncode == 0, told.stderr
    assert "Read 60 customers with 84 contacts." in told.stdout
    assert "0 new, 0 changed, 84 unchanged" in told.stdout
    changed = container.mailworker("contacts", "sync", "--since", "1h")
    assert "Read 0 customers with 0 contacts." in changed.stdout, changed.stderr


def test_a_stranger_is_told_what_is_wrong_with_a_contact(stranger: Celery):
    asking = stranger.send_task("mailworker.sync_contact", kwargs={"contact": {"email": "ada@lefevre"}})
    fault = str(answer(asking, propagate=False))
    assert "contact.email" in fault
    assert "ada@" not in fault


def _shown(container: RunningStack, email: str, as_wanted: Callable[[dict[str, Any]], bool]) -> None:
    def shown() -> bool:
        one = container.servers.mailbox.contact(email)
        return one is not None and as_wanted(one)

    assert wait_until(shown, seconds=40), container.servers.mailbox.contact(email)


def _gone(container: RunningStack, email: str) -> None:
    assert wait_until(lambda: container.servers.mailbox.contact(email) is None, seconds=40), email
