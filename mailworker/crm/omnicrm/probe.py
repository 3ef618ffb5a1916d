"""Which of the names that we look for a database has."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mailworker.crm.omnicrm.columns import (
    COLUMNS,
    DAY,
    DELETED,
    DELETED_ON,
    FLAG,
    KEEP_DELETED,
    TABLES,
    TYPES,
)

#: The tables that are there, and the type of each of their columns (`information_schema.columns.data_type`).
Found = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Schema:
    """OmniCRM's names for what we look for. A word that is not in it was not found.

    `live` has for each table that keeps its deleted rows the condition of those that are not deleted.
    """

    tables: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    live: Mapping[str, str] = field(default_factory=dict)

    def __contains__(self, word: str) -> bool:
        return word in self.columns or word in self.tables

    def table(self, word: str) -> str:
        """The table's name, quoted; where deleted rows stay in it, a query of the others."""
        name, live = f"`{self.tables[word]}`", self.live.get(word)
        return f"(SELECT * FROM {name} WHERE {live})" if live else name  # noqa: S608 - the database's own names

    def of(self, alias: str, word: str) -> str:
        """The column as `alias.name`, quoted."""
        return f"{alias}.`{self.columns[word]}`"

    def missing(self, words: Sequence[str]) -> list[str]:
        """What of these was not found, each with the names that were looked for."""
        sentences: list[str] = []
        tables = dict.fromkeys(word.partition(".")[0] for word in words)
        for table in tables:
            if table not in self.tables:
                sentences.append(f"a table {_either(TABLES[table])}")
                continue
            absent = [one for one in words if one.startswith(f"{table}.") and one not in self.columns]
            sentences += [
                f"a column {_either(COLUMNS[word])} in {self.tables[table]}{_of_type(word)}"
                for word in absent
            ]
        return sentences


def probe(found: Found) -> Schema:
    """The first candidate that the database has, for each table and each column; letter case is free."""
    by_lower = {name.lower(): name for name in found}
    tables = {word: by_lower[name] for word, names in TABLES.items() if (name := _first(names, by_lower))}
    columns = {}
    for word, names in COLUMNS.items():
        table = tables.get(word.partition(".")[0])
        if table is None:
            continue
        fitting = {
            name.lower(): name
            for name, type_ in found[table].items()
            if word not in TYPES or type_.lower() in TYPES[word]
        }
        if name := _first(names, fitting):
            columns[word] = fitting[name]
    live = {word: _live(found[table]) for word, table in tables.items() if word not in KEEP_DELETED}
    return Schema(tables, columns, live)


def _live(columns: Mapping[str, str]) -> str:
    """The condition of a table's rows that are not deleted; empty where nothing marks those."""
    conditions = []
    for name, type_ in columns.items():
        if name.lower() in DELETED and type_.lower() in FLAG:
            conditions.append(f"COALESCE(`{name}`, 0) = 0")
        elif name.lower() in DELETED_ON and type_.lower() in DAY:  # an empty day may be 0000-00-00
            conditions.append(f"COALESCE(`{name}` <= '1970-01-01', 1)")
    return " AND ".join(conditions)


def _first(candidates: Iterable[str], there: Collection[str]) -> str:
    return next((name for name in candidates if name in there), "")


def _either(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _of_type(word: str) -> str:
    return f" (of type {', '.join(sorted(TYPES[word]))})" if word in TYPES else ""
