"""The local Mailjet for one crm_config.yaml: its credentials, its limits, its template ids."""

from dataclasses import replace

from mailworker.config.settings import Settings
from mailworker.simulator.settings import SimulatorSettings, TemplateUse
from mailworker.templates.catalogue import LANGUAGES, SUBJECTS


def configured(base: SimulatorSettings, settings: Settings) -> SimulatorSettings:
    """`base` with what the configuration says of Mailjet, so that a worker with the same file is let in."""
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
    """Template id -> our template, for every block of a kind that we have one for, in each language."""
    uses: dict[int, TemplateUse] = {}
    for kind, block in settings.mailjet.blocks.items():
        if kind in SUBJECTS:
            uses[block.template_id] = TemplateUse(kind, "fr")
            others = {name: one for name, one in block.languages.items() if name in LANGUAGES}
            uses |= {one.template_id: TemplateUse(kind, name) for name, one in others.items()}
    return uses
