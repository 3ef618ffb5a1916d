"""What a command that did something says of it: a sentence for people, or the same facts for programs."""

import json
from collections.abc import Mapping
from typing import Any

import typer


def answer(words: str, facts: Mapping[str, Any], *, as_json: bool) -> None:
    """The sentence, or the facts as one JSON document."""
    typer.echo(json.dumps(facts, ensure_ascii=False, indent=2, default=str) if as_json else words)
