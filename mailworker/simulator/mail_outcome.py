"""What becomes of an accepted mail: rendered as the customer sees it, or blocked, with the reason.

It is computed when someone first looks, not when the mail arrives, so that a flood costs no rendering.
"""

from collections.abc import Callable
from functools import partial

from mailworker.simulator.received_mail import Outcome, ReceivedMail
from mailworker.simulator.template_store import Content, TemplateStore
from mailworker.templates.language.render import TemplateContact, TemplateError, render, render_simple

_BAD_TEMPLATE = "bad or empty template"
_LANGUAGE_ERROR = "error in template language"


def outcome_of(mail: ReceivedMail, templates: TemplateStore) -> Outcome:
    """The mail's outcome, the same at every call."""
    if mail.outcome is None:
        mail.outcome = _rendered(mail, templates)
        if mail.blocked_because and mail.outcome.delivered:
            mail.outcome.error_related_to, mail.outcome.error = mail.blocked_because
    return mail.outcome


def _rendered(mail: ReceivedMail, templates: TemplateStore) -> Outcome:
    content = _content(mail, templates)
    subject = str(mail.properties.get("Subject") or (content and content.headers.get("Subject")) or "")
    if content is None or not (content.html or content.text):
        return Outcome(subject, "", "", "content", _BAD_TEMPLATE)
    parts = (subject, content.html or "", content.text or "")
    draw = _drawer(mail)
    try:
        return Outcome(draw(subject), draw(parts[1], escapes=templates.escapes), draw(parts[2]))
    except TemplateError as error:
        report_to = str((mail.properties.get("TemplateErrorReporting") or {}).get("Email") or "")
        if mail.properties.get("TemplateErrorDeliver"):
            return Outcome(*parts, detail=str(error), report_to=report_to)
        return Outcome(subject, "", "", "content", _LANGUAGE_ERROR, str(error), report_to)


def _content(mail: ReceivedMail, templates: TemplateStore) -> Content | None:
    if mail.template_id is not None:
        return templates.content(mail.template_id)
    return Content(mail.properties.get("HTMLPart"), mail.properties.get("TextPart"))


def _drawer(mail: ReceivedMail) -> Callable[..., str]:
    """How the parts of this mail are rendered: with the template language, or with `[[var:x]]` only."""
    first = mail.recipients[0]
    contact = TemplateContact(first.email, first.name, mail.contact_id, mail.contact_properties)
    draw = render if mail.properties.get("TemplateLanguage") else render_simple
    return partial(draw, variables=mail.variables, contact=contact)
