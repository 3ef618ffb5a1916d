"""How the CRM is read, as a block for crm_config.yaml."""

from collections.abc import Mapping

from mailworker.config.crm import Question
from mailworker.crm.omnicrm import OmnicrmRows
from mailworker.crm.row_source import RowSource
from mailworker.crm.sql_rows import SqlRows
from mailworker.errors import BadInput


def queries_block(rows: RowSource) -> str:
    """The SQL in use as YAML. Raises BadInput where the source knows no SQL, and what connecting raises."""
    if isinstance(rows, SqlRows):
        return _block(rows.queries, "")
    if not isinstance(rows, OmnicrmRows):
        raise BadInput("crm.source reads no database; the SQL is that of sources omnicrm, sql and demo.")
    opened = rows.opened()
    heads = [f"# OmniCRM's database {opened.name}, as its columns were found. To change a query, copy it"]
    heads += ["# under crm.sql.queries; those that are not there are still made by looking."]
    heads += [f"# Missing: {fault}" for fault in opened.queries.faults.values()]
    return _block(rows.opened().rows.queries, "".join(f"{line}\n" for line in heads))


def _block(queries: Mapping[Question, str], head: str) -> str:
    lines = [head, "crm:\n  sql:\n    queries:\n"]
    for name, query in queries.items():
        body = "".join(f"        {line}\n" for line in query.strip().splitlines())
        lines.append(f"      {name}: |\n{body}")
    return "".join(lines)
