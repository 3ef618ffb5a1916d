"""Writing template ids into crm_config.yaml, where every comment and every other line stays as it is."""

import io
from collections.abc import Sequence
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from mailworker.cli.local_stack.trial_config import is_written_by_a_trial
from mailworker.cli.template_commands.push import Pushed
from mailworker.errors import BadInput


def with_ids(text: str, pushed: Sequence[Pushed], own_language: str) -> tuple[str, list[str]]:
    """The file with the new ids, and what changed, a line each. Kinds that the file lacks are not added.

    Raises BadInput where the text is no YAML with a `mailjet:` section.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    try:
        document = yaml.load(text)
    except YAMLError:
        document = None
    section = document.get("mailjet") if isinstance(document, CommentedMap) else None
    if not isinstance(section, CommentedMap):
        raise BadInput("The configuration has no mailjet: section to write ids into.")
    changes = [
        change
        for one in pushed
        if isinstance(block := section.get(one.kind), CommentedMap)
        and (change := _set(block, one, own_language))
    ]
    out = io.StringIO()
    yaml.dump(document, out)
    return (out.getvalue() if changes else text), changes


def check_lasting(path: Path) -> None:
    """Raise BadInput where ids would be written into a trial's file, which its next start writes anew."""
    if is_written_by_a_trial(path):
        raise BadInput(
            f"--write: {path} is written anew whenever mailworker dev starts, and a local Mailjet's ids "
            "serve no other. Its inbox shows your templates without a push; to push them to Mailjet, name "
            "your own file with CRM_CONFIG."
        )


def write_ids(path: Path, pushed: Sequence[Pushed], own_language: str) -> list[str]:
    """Change the file in place, at once or not at all; gives what changed."""
    text, changes = with_ids(path.read_text(encoding="utf-8"), pushed, own_language)
    if changes:
        beside = path.with_name(f".{path.name}.new")
        beside.write_text(text, encoding="utf-8")
        beside.chmod(path.stat().st_mode)
        beside.replace(path)
    return changes


def _set(block: CommentedMap, one: Pushed, own_language: str) -> str:
    if one.language == own_language:
        target, where = block, f"mailjet.{one.kind}.template_id"
    else:
        others = block.setdefault("languages", CommentedMap())
        target = others.setdefault(one.language, CommentedMap({"subject": one.subject}))
        where = f"mailjet.{one.kind}.languages.{one.language}.template_id"
    if target.get("template_id") == one.id:
        return ""
    before = target.get("template_id")
    target["template_id"] = one.id
    return f"{where}: {before} -> {one.id}" if before is not None else f"{where}: {one.id}"
