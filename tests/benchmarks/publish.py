"""Putting a benchmark's tables between its markers in a document."""

from datetime import datetime
from pathlib import Path

_BEGIN = "<!-- bench {name} -->"
_END = "<!-- end {name} -->"


def publish(document: Path, name: str, tables: str, *, quick: bool, at: datetime) -> None:
    """Replace what stands between the markers of `name`, or add them at the end."""
    begin, end = _BEGIN.format(name=name), _END.format(name=name)
    command = f"python -m tests.benchmarks {name}{' --quick' if quick else ''}"
    remark = " **A short run on a busy machine: to be replaced by a full one.**" if quick else ""
    block = f"{begin}\n`{command}`, {at:%Y-%m-%d}.{remark}\n\n{tables.rstrip()}\n{end}"
    text = document.read_text("utf-8") if document.exists() else ""
    before, found, rest = text.partition(begin)
    appended = f"{text.rstrip()}\n\n{block}\n".lstrip()
    text = before + block + rest.partition(end)[2] if found else appended
    document.write_text(text, encoding="utf-8")
