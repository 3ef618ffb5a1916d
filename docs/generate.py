"""Writes docs/reference/ from the code: settings, kinds, commands. `make docs` runs it."""

import inspect
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import typer.main
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from mailworker.cli import build
from mailworker.config.builtin_kinds import KINDS
from mailworker.config.settings import Settings
from mailworker.core.kind import VariableType
from mailworker.templates.shipped_templates import mail_template

FOLDER = Path(__file__).with_name("reference")
HEAD = "<!-- Written by docs/generate.py; change the code instead. -->\n\n"


def pages() -> dict[str, str]:
    """Every page of the reference, by its file name."""
    return {"settings.md": settings(), "kinds.md": kinds(), "commands.md": commands()}


def settings() -> str:
    """All settings of crm_config.yaml, section by section."""
    parts = [
        "# Settings\n",
        "Every key of `crm_config.yaml` that is ours; what is left out has the default.\n",
    ]
    for name, field in Settings.model_fields.items():
        model = _model(field.annotation)
        if model is not None:
            parts += [
                f"## {name}\n",
                (inspect.getdoc(model) or "").split("\n\n")[0] + "\n",
                *_table(name, model),
            ]
    return HEAD + "\n".join(parts)


def _table(path: str, model: type[BaseModel]) -> Iterator[str]:
    rows, inner = [], []
    for name, field in model.model_fields.items():
        below = _model(field.annotation)
        if below is not None and field.default_factory is not None:
            inner.append((f"{path}.{name}", below))
        else:
            what = (field.description or "").replace("|", "\\|").replace("\n", " ")
            rows.append(f"| `{name}` | {_type(field.annotation)} | {_default(field)} | {what} |")
    if rows:
        yield "| key | takes | default | |\n| --- | --- | --- | --- |\n" + "\n".join(rows) + "\n"
    for where, below in inner:
        yield f"### {where}\n"
        yield from _table(where, below)


def _model(annotation: Any) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _type(annotation: Any) -> str:
    if annotation is None or annotation is type(None):
        return "nothing"
    choices = [one for one in get_args(annotation) if isinstance(one, str)]
    if choices:
        return ", ".join(f"`{one}`" for one in choices)
    inner = [_type(one) for one in get_args(annotation) if one is not Ellipsis]
    name = getattr(annotation, "__name__", "")
    words = {
        "str": "text",
        "int": "number",
        "bool": "true or false",
        "timedelta": "duration",
        "Secret": "secret",
    }
    if name in {"tuple", "list"}:
        return "list"
    if name in {"dict", "Mapping"}:
        return "mapping"
    if inner and name not in words:
        return " or ".join(dict.fromkeys(one for one in inner if one != "nothing"))
    return words.get(name, name.lower() or "text")


def _default(field: Any) -> str:
    if field.is_required():
        return "**needed**"
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined or value is None or value in ("", (), [], {}):
        return ""
    if isinstance(value, timedelta):
        return f"`{_duration(value)}`"
    parts = [str(one) for one in value] if isinstance(value, tuple | list) else [str(value)]
    return f"`{', '.join(parts)}`"


def _duration(span: timedelta) -> str:
    """As crm_config.yaml takes it: 90s, 15m, 1h, 3d."""
    seconds = int(span.total_seconds())
    units = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))
    return next(f"{seconds // size}{unit}" for size, unit in units if seconds % size == 0)


def kinds() -> str:
    """The ten kinds: variables, lane, lifetime, key."""
    parts = [
        "# The ten kinds\n",
        "What a job of each kind brings. Secret values leave the ledger once the mail is sent.\n",
    ]
    for kind in KINDS.values():
        parts += [
            f"## {kind.name}\n",
            _facts(kind),
            "| variable | takes | |\n| --- | --- | --- |",
            *(_variable(kind.name, variable) for variable in kind.variables if not variable.derived),
            "",
        ]
    return HEAD + "\n".join(parts)


def _facts(kind: Any) -> str:
    key = ", ".join(f"`{name}`" for name in kind.business_key) or "none, two equal jobs are two mails"
    lifetime = _duration(kind.lifetime) if kind.lifetime else "ever"
    return f"Lane: {kind.lane.word}. Worth sending for: {lifetime}. Key by itself: {key}.\n"


def _variable(kind: str, variable: Any) -> str:
    words = ["needed" if variable.required else "may be left out"]
    words += ["may be empty"] if variable.blank else []
    words += ["secret"] if variable.secret else []
    template = mail_template(kind).html
    known = dict.fromkeys(re.findall(rf'var:{variable.name}:"" = "(\w+)"', template))
    words += [f"our template knows {', '.join(f'`{word}`' for word in known)}"] if known else []
    if variable.type is VariableType.LIST:
        fields = dict.fromkeys(re.findall(r"\bline\.(\w+)", template))
        words += [f"each with {', '.join(f'`{field}`' for field in fields)}"]
    return f"| `{variable.name}` | {variable.type.value} | {', '.join(words)} |"


def commands() -> str:
    """Every command with its help and options."""
    parts = ["# Commands\n"]
    root = typer.main.get_command(build())
    for name, command in sorted(root.commands.items()):
        parts += _command(f"mailworker {name}", command)
    return HEAD + "\n".join(parts)


def _command(name: str, command: Any) -> Iterator[str]:
    yield f"## {name}\n"
    yield inspect.cleandoc(command.help or "").replace("\n\n\n", "\n\n") + "\n"
    rows = [_option(option) for option in command.params if not getattr(option, "hidden", False)]
    if rows:
        yield "| | |\n| --- | --- |\n" + "\n".join(rows) + "\n"
    for word, below in sorted(getattr(command, "commands", {}).items()):
        yield from _command(f"{name} {word}", below)


def _option(option: Any) -> str:
    names = (
        ", ".join(f"`{one}`" for one in [*option.opts, *option.secondary_opts])
        if option.param_type_name == "option"
        else f"`{option.name.upper()}`"
    )
    return f"| {names} | {(option.help or '').replace('|', '/')}{_limits(option)} |"


def _limits(option: Any) -> str:
    """What it takes besides, behind its help: how often, how much, and what counts where it is left out."""
    words = ["needed"] if option.required else []
    words += ["may be repeated"] if option.multiple or option.nargs == -1 else []
    words += [f"at least {option.min}"] if option.min is not None else []
    words += [f"at most {option.max}"] if option.max is not None else []
    default = option.opts[0] if option.default is True else option.default
    words += [f"default `{default}`"] if default else []
    return f" ({', '.join(words)})" if words else ""


def main() -> None:
    """Write the pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
