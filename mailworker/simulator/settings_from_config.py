"""The local Mailjet for one crm_config.yaml: its credentials, its limits, its template ids."""

from dataclasses import replace

from mailworker.config.settings import Settings
from mailworker.simulator.settings import SimulatorSettings, TemplateUse
from mailworker.templates.template_library import template_library


def configured(base: SimulatorSettings, settings: Settings) -> SimulatorSettings:
    """`base` with the configuration of Mailjet, so that a worker with the same file is let in."""
    mailjet = settings.mailjet
    return replace(
        base,
        api_key=mailjet.api_key.reveal(),
        api_secret=mailjet.api_secret,
        calls_per_minute=mailjet.calls_per_minute,
        max_body_bytes=mailjet.max_body_bytes,
        templates=template_uses(settings),
    )


def template_uses(settings: Settings) -> dict[int, TemplateUse]:
    """Template id -> our template, for every block, in each language; its file may come later."""
    library = template_library(settings)
    uses: dict[int, TemplateUse] = {}
    for kind, block in settings.mailjet.blocks.items():
        ids: dict[str, int] = {settings.worker.language: block.template_id}
        ids |= {name: one.template_id for name, one in block.languages.items()}
        uses |= {number: TemplateUse(kind, language, lambda: library) for language, number in ids.items()}
    return uses
