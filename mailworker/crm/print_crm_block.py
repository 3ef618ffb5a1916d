"""How the CRM is read, as a block for crm_config.yaml."""

from collections.abc import Mapping
from dataclasses import asdict

import yaml

from mailworker.config.crm import Question
from mailworker.crm.omnicrm import OmnicrmRows
from mailworker.crm.openapi import Described
from mailworker.crm.row_source_interface import RowSource
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


def http_block(base_url: str, path: str, found: Described) -> str:
    """An API's description, as a block for crm_config.yaml; what it lacks as comments."""
    settings = asdict(found)
    missing = settings.pop("missing")
    settings["fields"] = {name: fields for name, fields in found.fields.items() if fields}
    # An empty `records_field` is an answer: the list itself holds the records.
    known = {
        name: value for name, value in settings.items() if value or (name, value) == ("records_field", "")
    }
    http = {"base_url": base_url} | known
    heads = [f"# From {path} of this installation. Copy it; keep your api_key, or email and password."]
    heads += [f"# Not said: {one}" for one in missing]
    block = yaml.safe_dump({"crm": {"source": "http", "http": http}}, sort_keys=False, allow_unicode=True)
    return "".join(f"{line}\n" for line in heads) + block
