"""How the operators' pages write times, kinds, colours and commands."""

import re
from contextlib import suppress
from datetime import datetime

from markupsafe import Markup, escape

from mailworker.config.settings import Settings
from mailworker.rules.claimable_while_held import EVERYTHING, LANE_PREFIX

_PREFIXES = ("api_crmCommunications", "api_crmCommunication")


_GOOD = {"sent", "delivered", "opened", "clicked"}


_BAD = {"failed", "bounced", "blocked", "spam", "unknown"}


_COMMAND = re.compile(r"`([^`]+)`")


class PageFormat:
    """How the pages write times and kinds."""

    def __init__(self, settings: Settings) -> None:
        self.zone = settings.worker.timezone
        self.environment = "local Mailjet" if settings.mailjet.is_local else settings.worker.environment
        self.kinds = settings.kinds

    def moment(self, at: datetime | None) -> str:
        """`2026-03-01 13:00:07` in the operator's zone; UTC at the calendar's ends."""
        if at is None:
            return ""
        with suppress(OverflowError):
            at = at.astimezone(self.zone)
        return f"{at:%Y-%m-%d %H:%M:%S}"

    def kind(self, name: str) -> str:
        """The kind without the beginning that all of them share."""
        for prefix in _PREFIXES:
            if name.startswith(prefix):
                return name.removeprefix(prefix)
        return name

    def scope(self, name: str) -> str:
        """What a hold is on."""
        if name == EVERYTHING:
            return "all mail"
        return name.replace(LANE_PREFIX, "lane ") if name.startswith(LANE_PREFIX) else self.kind(name)


def tone(word: str | None) -> str:
    """The colour of a state or a delivery status: good, bad, or neither."""
    return "good" if word in _GOOD else "bad" if word in _BAD else ""


def with_code(text: str) -> Markup:
    """The text, what stands in it between backticks as a command that can be copied."""
    return Markup(_COMMAND.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just now
