"""An operator's own e-mail templates: simple HTML and text in a folder, framed and styled as ours.

`KIND.LANGUAGE.html` holds `h1`, `p`, `a.button`, `table.facts`; `KIND.LANGUAGE.txt` the same as text. Both
are read anew each time, so that a change shows at once.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mailworker.config.kind_block import PREFIX
from mailworker.config.settings import Settings
from mailworker.core.did_you_mean import did_you_mean
from mailworker.core.kind import Kind, VariableType
from mailworker.errors import BadInput


@dataclass(frozen=True, slots=True)
class OwnTemplates:
    """Where they are, and the subjects of their kinds by (kind, language)."""

    folder: Path | None = None
    subjects: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def has(self, kind: str, language: str) -> bool:
        """Whether there is one for this kind in this language."""
        return self.folder is not None and self._path(kind, language, "html").is_file()

    def read(self, kind: str, language: str, ending: str) -> str:
        """Its HTML or its text. Raises BadInput where the file is not there or no UTF-8."""
        path = self._path(kind, language, ending)
        try:
            text = path.read_text(encoding="utf-8")
        except OSError:
            raise BadInput(
                f"{path.name}: is not in brand.template_dir; write it beside its other half."
            ) from None
        except UnicodeDecodeError:
            raise BadInput(f"{path.name}: is not UTF-8 text.") from None
        if not text.strip():
            raise BadInput(f"{path.name}: is empty; the mail would say nothing.")
        return text

    @property
    def folder_fault(self) -> str:
        """A sentence where the folder is none; one that is not there yet has no templates."""
        if self.folder is None or self.folder.is_dir() or not self.folder.exists():
            return ""
        return f"brand.template_dir: {self.folder} is a file; name the folder that templates are in."

    def strays(self, known: Collection[str]) -> list[str]:
        """A sentence for each file that looks like a template and is none of `known`: no mail uses it."""
        files = sorted(self.folder.glob(f"{PREFIX}*")) if self.folder is not None else []
        return [
            f"{path.name}: no mail uses it, for it is of no kind and language of the configuration"
            f"{did_you_mean(path.stem, known) or '.'}"
            for path in files
            if path.suffix in {".html", ".txt"} and path.stem not in known
        ]

    def _path(self, kind: str, language: str, ending: str) -> Path:
        return (self.folder or Path()) / f"{kind}.{language}.{ending}"


def own_templates(settings: Settings) -> OwnTemplates:
    """Those of a configuration."""
    subjects: dict[tuple[str, str], str] = {}
    for kind, block in settings.mailjet.blocks.items():
        subjects[kind, settings.worker.language] = block.subject
        subjects |= {(kind, name): one.subject for name, one in block.languages.items()}
    return OwnTemplates(settings.brand.template_dir, subjects)


def starter(kind: Kind, language: str) -> tuple[str, str]:
    """A first template for a kind of one's own, HTML and text: each variable once, links as buttons."""
    hello = {"fr": "Bonjour,", "en": "Hello,"}[language]
    colon = "\u00a0:" if language == "fr" else ":"
    names = [variable.name for variable in kind.variables]
    links = [variable.name for variable in kind.variables if variable.type is VariableType.URL]
    facts = [name for name in names if name not in links]
    cells = "".join(f"  <tr><th>{name}</th><td>{{{{Escape(var:{name})}}}}</td></tr>\n" for name in facts)
    rows = f'\n<table class="facts">\n{cells}</table>' if cells else ""
    buttons = "".join(f'\n<a class="button" href="{{{{Escape(var:{name})}}}}">{name}</a>' for name in links)
    title = re.sub("^api_crmCommunications?(?=[A-Z])", "", kind.name)
    html = f"<h1>{title}</h1>\n<p>{hello}</p>{rows}{buttons}\n"
    text = f"{title}\n\n{hello}\n\n" + "\n".join(f"{name}{colon} {{{{var:{name}}}}}" for name in names)
    return html, text.rstrip() + "\n"
