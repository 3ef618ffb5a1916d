"""A campaign's mail as one real contact would get it: looked at before anybody gets anything."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

from mailworker.campaigns.count_audience import contact_pages, in_segment
from mailworker.campaigns.worker_campaigns import printed
from mailworker.config.settings import Settings
from mailworker.core.canonical_address import canonical_address
from mailworker.errors import BadInput
from mailworker.ledger import Ledger, campaign_audience
from mailworker.ledger.recipient_standings import standings
from mailworker.rules.job.check_job import kept_language
from mailworker.rules.recipient_gate import Purpose, refusal
from mailworker.rules.segments import Segment
from mailworker.templates.language.render import TemplateContact, TemplateError, render
from mailworker.templates.template_library import template_library

Row = Mapping[str, Any]
#: HTML and text of a template at Mailjet.
TemplateContent = Callable[[int], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class CampaignExample:
    """One contact's mail. `left_out` is why this contact would not get it, empty for who would."""

    email: str = field(repr=False)
    language: str
    subject: str
    html: str = field(repr=False)
    text: str = field(repr=False)
    left_out: str = ""


class CampaignExamples:
    """Renders them. `content_of` asks Mailjet for a template."""

    def __init__(
        self, settings: Settings, ledger: Ledger, content_of: TemplateContent, clock: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._content_of = content_of
        self._clock = clock

    def example(self, campaign: Row, segment: Segment, email: str | None = None) -> CampaignExample:
        """The mail to this contact, or to the first one who gets it. Raises BadInput where there is none."""
        contact, left_out = self._contact(campaign, segment, email)
        with self._ledger.read() as connection:
            known = campaign_audience.languages(connection, [contact["email"]]).get(contact["email"], "")
        language = kept_language(known) or self._settings.worker.language
        subject, html, text, variables = self._source(campaign, contact, language)
        person = TemplateContact(contact["email"], contact["name"] or "", 1, contact["properties"])
        try:
            shown = [render(source, variables, contact=person) for source in (subject, html, text)]
        except TemplateError as fault:
            raise BadInput(f"{campaign['name']}: its template cannot be rendered: {fault}") from None
        return CampaignExample(contact["email"], language, shown[0], shown[1], shown[2], left_out)

    def _contact(self, campaign: Row, segment: Segment, email: str | None) -> tuple[Row, str]:
        if email is not None:
            with self._ledger.read() as connection:
                found = campaign_audience.contact_at(connection, canonical_address(email))
            if found is None:
                raise BadInput("contact: the CRM has no contact with this address; see contacts status.")
            return found, self._why_not(campaign, segment, found) or ""
        for row in chain.from_iterable(contact_pages(self._ledger)):
            if self._why_not(campaign, segment, row) is None:
                return row, ""
        raise BadInput(f"{campaign['name']}: no contact gets it.")

    def _why_not(self, campaign: Row, segment: Segment, contact: Row) -> str | None:
        """Why this contact is left out, or None."""
        if not in_segment(contact, segment, campaign["contact_type"], now=self._clock()):
            return "is not in the segment"
        with self._ledger.read() as connection:
            standing = standings(connection, [contact["email"]])[contact["email"]]
        objection = refusal(standing, Purpose.CAMPAIGN)
        if objection is not None:
            return objection.why
        name, values = campaign["content"].get("kind"), campaign["content"].get("values") or {}
        kind = self._settings.kinds.get(name) if name else None
        if kind is not None and printed(kind, values, contact) is None:
            return "the CRM does not say all that the mail prints"
        return None

    def _source(self, campaign: Row, contact: Row, language: str) -> tuple[str, str, str, dict[str, Any]]:
        """Subject, HTML, text, and what they print."""
        content = campaign["content"]
        if not content.get("kind"):
            html, text = content["html"], content["text"]
            if content["template_id"]:
                html, text = self._content_of(content["template_id"])
            return content["subject"], html, text, {}
        name = content["kind"]
        block = self._settings.mailjet.block(name)
        own_language = block.language_for(language, self._settings.worker.fallback_languages)
        template_id, subject = block.template(own_language)
        library = template_library(self._settings)
        used = own_language or self._settings.worker.language
        if library.own.has(name, used):
            own = library.template(name, used)
            html, text = own.html, own.text
        else:
            html, text = self._content_of(template_id)
        kind = self._settings.kinds[name]
        values = printed(kind, content["values"], contact)
        return subject, html, text, values or {one.name: f"({one.name})" for one in kind.variables}
