"""One mail as Mailjet gets it."""

import json
from typing import Any

from mailworker.core.message import Mail
from mailworker.mailjet.send_payload import batch_body


def message_payload(mail: Mail) -> dict[str, Any]:
    """The mail's own element of `Messages`."""
    (message,) = json.loads(batch_body([mail]))["Messages"]
    return message
