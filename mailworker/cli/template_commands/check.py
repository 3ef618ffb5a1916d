"""Do templates and kinds speak of the same variables?"""

from collections.abc import Iterable, Mapping
from typing import Any

from mailworker.cli.container_context import take_token
from mailworker.container import Container
from mailworker.core.kind import Kind
from mailworker.core.nearest import did_you_mean
from mailworker.errors import Refused
from mailworker.mailjet.gateway import RestCall
from mailworker.mailjet.rest_rows import first_row
from mailworker.templates.catalogue import LANGUAGES, SUBJECTS, mail_template
from mailworker.templates.language import TemplateError, VariableUse, variable_uses


def faults_of_ours(kinds: Mapping[str, Kind]) -> list[str]:
    """What is wrong between our templates and the configured kinds."""
    faults: list[str] = []
    for name in SUBJECTS:
        for language in LANGUAGES:
            uses = mail_template(name, language).variables_used
            faults += mismatches(f"our template of {name} ({language})", uses, kinds[name])
    return faults


def faults_at_mailjet(container: Container) -> list[str]:
    """What is wrong between the templates at Mailjet and the kinds; one call each."""
    faults: list[str] = []
    kinds = container.settings.kinds
    for name, block in container.settings.mailjet.blocks.items():
        for number in {block.template_id, *(other.template_id for other in block.languages.values())}:
            faults += _one_at_mailjet(container, number, kinds[name])
    return faults


def mismatches(what: str, uses: Iterable[VariableUse], kind: Kind) -> list[str]:
    """Variables that a template asks for and its kind does not always bring: Mailjet would drop the mail."""
    known = {variable.name for variable in kind.variables}
    faults = []
    for use in uses:
        if use.name not in known:
            faults.append(
                f"{what}: {kind.name} has no variable {use.name}{did_you_mean(use.name, known) or '.'}"
            )
        elif use.name not in kind.required and not use.has_default:
            faults.append(
                f'{what}: {use.name} may be left out, so give it a default: {{{{var:{use.name}:""}}}}.'
            )
    return faults


def _one_at_mailjet(container: Container, number: int, kind: Kind) -> list[str]:
    what = f"Mailjet's template {number}"
    take_token(container)
    try:
        content = first_row(container.gateway.rest(RestCall("template_detailcontent", id=number)))
    except Refused as fault:
        if fault.code != "404":
            raise
        return [f"{what}: is not there; correct template_id of {kind.name}, or push ours."]
    try:
        return mismatches(what, _uses(content), kind)
    except TemplateError as fault:
        return [f"{what}: {fault}"]


def _uses(content: Mapping[str, Any]) -> list[VariableUse]:
    headers = content.get("Headers")
    subject = headers.get("Subject") if isinstance(headers, Mapping) else ""
    parts = (subject, content.get("Html-part"), content.get("Text-part"))
    return [use for part in parts for use in variable_uses(str(part or ""))]
