"""What a benchmark hands back: a table with its remarks, as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass, field

Cell = str | int | float


@dataclass(frozen=True)
class Table:
    """One benchmark's figures. `notes` say what must be known to read them; `code` is shown as it is."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = field(default=())
    code: str = ""

    def markdown(self) -> str:
        """The table as documents show it."""
        head = [f"### {self.title}", "", _line(self.columns), _line(["---"] * len(self.columns))]
        lines = [*head, *(_line([_cell(cell) for cell in row]) for row in self.rows), ""]
        if self.code:
            lines += ["```text", self.code, "```", ""]
        return "\n".join([*lines, *(f"- {note}" for note in self.notes), *([""] if self.notes else [])])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _cell(value: Cell) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return (
            f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"
        )
    return value


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100).__int__() - 1)]
