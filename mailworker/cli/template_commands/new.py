"""A first template for a kind of the operator's own."""

from pathlib import Path

from mailworker.config.settings import Settings
from mailworker.core.did_you_mean import did_you_mean
from mailworker.errors import BadInput
from mailworker.templates.own_template_files import starter
from mailworker.templates.shipped_templates import LANGUAGES


def write_starter(settings: Settings, kind: str, language: str) -> list[Path]:
    """Write HTML and text; what is there is never overwritten. Raises BadInput with the reason."""
    known, folder = settings.kinds, settings.brand.template_dir
    if kind not in known:
        meant = did_you_mean(kind, known) or "."
        raise BadInput(f"{kind} is no kind yet: give it a block under mailjet (docs/templates.md){meant}")
    if folder is None:
        raise BadInput("Set brand.template_dir first: the folder for your own templates.")
    if language not in LANGUAGES:
        raise BadInput(f"--language: a first template can be had in {' or '.join(LANGUAGES)}.")
    paths = [folder / f"{kind}.{language}.{ending}" for ending in ("html", "txt")]
    if there := [path for path in paths if path.exists()]:
        raise BadInput(f"{there[0]} is there already; change it, or move it away.")
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in zip(paths, starter(known[kind], language), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths
