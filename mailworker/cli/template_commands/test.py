"""One mail with sample values, sent by the way that every mail takes."""

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mailworker.cli.container_context import mail_client
from mailworker.cli.kind_names import whole_kind
from mailworker.cli.template_commands.preview import sample_values
from mailworker.core.did_you_mean import did_you_mean
from mailworker.errors import BadInput
from mailworker.templates.template_library import template_library

if TYPE_CHECKING:
    from mailworker.container import Container


def send_sample(
    container: "Container", kind: str, to: str, language: str | None, own: Mapping[str, Any] | None
) -> str:
    """Enqueue it under a key of its own, and give the message's id. Raises BadInput as the client does."""
    settings = container.settings
    kind = whole_kind(kind, settings.kinds)
    if kind not in settings.kinds:
        meant = did_you_mean(kind, settings.kinds) or "."
        raise BadInput(f"There is no kind {kind} in the configuration{meant}")
    tongue = language or settings.worker.language
    block = settings.mailjet.blocks.get(kind)
    known = [settings.worker.language, *(block.languages if block else ())]
    if tongue not in known:
        raise BadInput(
            f"--language: {kind} has {' and '.join(known)}, and no {tongue}: `templates push --write` adds "
            f"the languages that there are templates in; or give its block `languages: {{{tongue}: ...}}`."
        )
    samples = sample_values(template_library(settings), kind, tongue)
    derived = {variable.name for variable in settings.kinds[kind].variables if variable.derived}
    values = {name: value for name, value in samples.items() if name not in derived} | dict(own or {})
    with mail_client(settings) as client:
        return client.send(kind, to, values, idempotency_key=f"template-test:{uuid.uuid4()}", language=tongue)
