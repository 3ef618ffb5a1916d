"""What real processes ask of Mailjet is written down, so that it can be held against Mailjet's description."""

from pathlib import Path

import pytest

from tests.acceptance.conftest import VERIFICATION, RunningStack, verification
from tests.contract.rest_description import read_record

pytestmark = pytest.mark.acceptance


def test_a_mail_and_its_answer_are_recorded(container: RunningStack, record: Path) -> None:
    id_ = container.servers.client.send(
        VERIFICATION, "described@example.com", verification(), idempotency_key="described"
    )
    assert container.final(id_) == ["sent"]
    sent = [one for one in read_record(record) if one.path == "/v3.1/send" and id_ in str(one.body)]
    assert [(one.method, one.status, one.answer["Messages"][0]["Status"]) for one in sent] == [
        ("POST", 200, "success")
    ]
