"""Mailjet's template language: render a template here as Mailjet will.

Stand-ins, since Mailjet does not document them: values are printed as they are unless `escapes` is asked for;
a loop over an object runs over its values; both sides of `and` and `or` are computed; the bounds on nesting,
rounds and length.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mailworker.templates.language.evaluator import Scope, evaluate, personalise, refuse_empty_loops
from mailworker.templates.language.parser import parse
from mailworker.templates.language.template_error import TemplateError

__all__ = ["TemplateContact", "TemplateError", "render", "render_simple"]


@dataclass(frozen=True, slots=True)
class TemplateContact:
    """The recipient as a template sees it: `mj:contact.*`, and `data:` for its properties."""

    email: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    number: int = 0
    properties: Mapping[str, Any] = field(default_factory=dict, repr=False)


def render(
    source: str,
    variables: Mapping[str, Any],
    *,
    contact: TemplateContact | None = None,
    escapes: bool = False,
) -> str:
    """The text that the recipient gets; `escapes` makes every printed value HTML by itself.

    Raises TemplateError, in Mailjet's words, for a template that is wrong or a variable that is missing.
    """
    nodes, scope = parse(source), _scope(variables, contact, escapes=escapes)
    refuse_empty_loops(nodes, scope)
    return evaluate(nodes, scope)


def render_simple(
    source: str,
    variables: Mapping[str, Any],
    *,
    contact: TemplateContact | None = None,
    escapes: bool = False,
) -> str:
    """Replace `[[var:x]]` only, as Mailjet does where the template language is off; `{{ }}` stays."""
    return personalise(source, _scope(variables, contact, escapes=escapes))


def _scope(variables: Mapping[str, Any], contact: TemplateContact | None, *, escapes: bool) -> Scope:
    person = contact or TemplateContact()
    local, _, domain = person.email.partition("@")
    mailjet = {
        "contact": {
            "ID": person.number,
            "email": person.email,
            "local_part": local,
            "domain": domain,
            "name": person.name,
        },
        "unsub_link": "#unsubscribe",
        "unsub_link_fr": "#unsubscribe",
        "unsub_link_en": "#unsubscribe",
    }
    return Scope({"var": variables, "data": person.properties, "mj": mailjet}, escapes)
