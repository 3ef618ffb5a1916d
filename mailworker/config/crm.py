"""The `crm:` section: where invoices, balances and customers are read."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from mailworker.config.duration import Timeout
from mailworker.config.omnicrm import OmnicrmSettings
from mailworker.config.section import Section
from mailworker.config.worker import Zone
from mailworker.core.masked_secret import Secret

#: What can be asked of a CRM: a query's name under `sql`; a path's, and a field list's, under `http`.
Question = Literal[
    "open_invoices",
    "invoices",
    "balances",
    "customers",
    "changed_customers",
    "contacts",
    "exclusions",
    "tokens",
    "invoice_document",
    "invoice_lines",
    "services",
]

_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


def _reads_only(query: str) -> str:
    bare = _COMMENT.sub(" ", query).strip().rstrip(";").strip()
    if not re.match(r"(?i)(select|with)\b", bare):
        raise ValueError("must be one SELECT (or WITH ... SELECT): this source only reads")
    if ";" in bare:
        raise ValueError("must be one statement; remove the semicolon inside it")
    return bare


Query = Annotated[str, AfterValidator(_reads_only)]
#: Why an invoice cannot be sent by its id where the CRM is not asked for documents, and how to mend it.
NO_DOCUMENTS = (
    "the CRM source does not give whole invoices: configure the question invoice_document (docs/crm.md), "
    "or send the invoice itself as `invoice`"
)


class SqlSettings(Section):
    """OmniCRM's database, read with the operator's own queries.

    Each query gives all records of its kind; paging and the search for one id are put around it. See
    docs/crm.md for the columns each must return.
    """

    url: Secret | None = Field(
        default=None,
        description="SQLAlchemy URL: postgresql+psycopg://..., mysql+pymysql://..., sqlite:///path. Use an "
        "account that may only read.",
    )
    queries: dict[Question, Query] = Field(
        default={},
        description="By name: invoices, balances, customers, contacts, exclusions, tokens; and open_invoices "
        "where the scan should read fewer than `invoices` knows, changed_customers where `contacts sync "
        "--since` should read fewer than `customers` knows; invoice_document and invoice_lines for "
        "`send_invoice(invoice_id=...)`.",
    )
    timeout: Timeout = Field(default=timedelta(seconds=30), description="How long to wait for a connection.")

    @model_validator(mode="after")
    def _asks_since_when(self) -> "SqlSettings":
        if ("invoice_document" in self.queries) != ("invoice_lines" in self.queries):
            raise ValueError("queries.invoice_document and queries.invoice_lines belong together; give both")
        query = self.queries.get("changed_customers", ":updated_since")
        if not re.search(r"(?<![:\\\w]):updated_since\b", query):
            raise ValueError(
                "queries.changed_customers must ask since when, as `updated_at >= :updated_since`"
            )
        return self


class HttpSettings(Section):
    """OmniCRM's REST API. Paths are relative to `base_url`; `{id}` stands for the record's id."""

    base_url: str = Field(default="", description="As https://crm.example.com; the paths begin with /crm/.")
    api_key: Secret | None = Field(
        default=None, description="An OmniCRM API key; or email and password below."
    )
    api_key_header: str = Field(
        default="X-API-KEY", description="The header that carries the API key: see `mailworker crm paths`."
    )
    email: str = Field(default="", description="The user to log in as, where there is no API key.")
    password: Secret | None = Field(default=None, description="That user's password.")
    login_path: str = Field(default="/crm/auth/login", description="Answers email and password with tokens.")
    refresh_path: str = Field(
        default="", description="Answers a refresh token with a new token; empty: log in again."
    )
    token_field: str = Field(default="token", description="Where the login's answer keeps the JWT.")
    refresh_field: str = Field(default="refresh_token", description="Where it keeps the refresh token.")
    lists: dict[Question, str] = Field(
        default={
            "invoices": "/crm/invoice/",
            "customers": "/crm/customer/",
        },
        description="The path that lists the records of a kind, page by page; open_invoices may narrow "
        "it, as /crm/invoice/?paid=false, and changed_customers too, as "
        "/crm/customer/?updated_after={updated_since}.",
    )
    items: dict[Question, str] = Field(
        default={
            "invoices": "/crm/invoice/{id}",
            "customers": "/crm/customer/{id}",
            "invoice_document": "/crm/invoice/{id}",
        },
        description="The path of one record.",
    )
    fields: dict[Question, dict[str, str]] = Field(
        default={},
        description="Where a JSON field is not called as ours: `invoices: {email: customer.email}`; dots go "
        "into objects; sums are written `total: total_amount + total_tax`.",
    )
    records_field: str = Field(
        default="data", description="Where a list's answer keeps the records; empty: it is one."
    )
    page_parameter: str = Field(default="page", description="The query parameter that counts pages, from 1.")
    size_parameter: str = Field(default="per_page", description="The query parameter for the page's size.")
    connect_timeout: Timeout = Field(
        default=timedelta(seconds=5), description="For the connection, each call."
    )
    read_timeout: Timeout = Field(default=timedelta(seconds=30), description="For the answer, each call.")

    @model_validator(mode="after")
    def _one_way_in(self) -> "HttpSettings":
        if self.api_key and self.email:
            raise ValueError("has an api_key and an email; keep one way to log in")
        if bool(self.email) != bool(self.password):
            raise ValueError("needs email and password together")
        if self.base_url and not re.match(r"https?://[^/]+$", self.base_url.rstrip("/")):
            raise ValueError("base_url must be like https://crm.example.com, without a path")
        bad = [name for name, path in self.items.items() if "{id}" not in path]
        if bad:
            raise ValueError(f"items.{bad[0]} must say where the id goes, as /crm/invoice/{{id}}")
        if "{updated_since}" not in self.lists.get("changed_customers", "{updated_since}"):
            raise ValueError("lists.changed_customers must ask since when, as ?updated_after={updated_since}")
        return self


class DemoSettings(Section):
    """A telecom operator that does not exist, in one SQLite file, made on first use."""

    path: Path = Field(default=Path("var/demo-crm.sqlite"), description="The file.")
    customers: int = Field(default=60, ge=1, le=1_000_000, description="How many customers to invent.")
    seed: int = Field(default=2026, description="The same seed invents the same customers.")


class CrmSettings(Section):
    """Where CRM data comes from. An empty block connects none, so that scans find nothing."""

    source: Literal["none", "demo", "omnicrm", "sql", "http"] = Field(
        default="none", description="Which of the blocks below."
    )
    timezone: Zone = Field(
        default=ZoneInfo("Europe/Paris"),
        description="What the CRM's dates and times mean where they name no zone.",
    )
    status_words: dict[str, Literal["open", "paid", "cancelled", "disputed"]] = Field(
        default={}, description="The CRM's own words for an invoice's status, as `UNPAID: open`."
    )
    page_size: int = Field(
        default=1000, ge=1, le=10_000, description="Records in one page, each one query or one call."
    )
    omnicrm: OmnicrmSettings = OmnicrmSettings()
    sql: SqlSettings = SqlSettings()
    http: HttpSettings = HttpSettings()
    demo: DemoSettings = DemoSettings()

    @property
    def why_none(self) -> str | None:
        """What to do where no CRM is connected; None where one is."""
        unset = self.source == "none"
        return "No CRM is connected: set crm.source to omnicrm, sql, http or demo." if unset else None

    @model_validator(mode="after")
    def _complete(self) -> "CrmSettings":
        if self.source == "omnicrm" and not (self.omnicrm.url or self.omnicrm.database):
            raise ValueError(
                "source is omnicrm, but the file has no `database:` section of OmniCRM's; set omnicrm.url"
            )
        if self.source == "sql" and not self.sql.url:
            raise ValueError("source is sql, but sql.url is empty; give the database's URL")
        if self.source == "sql" and not self.sql.queries:
            raise ValueError("source is sql, but sql.queries is empty; give at least `invoices`")
        if self.source == "http" and not self.http.base_url:
            raise ValueError("source is http, but http.base_url is empty; give OmniCRM's address")
        if self.source == "http" and not (self.http.api_key or self.http.email):
            raise ValueError("source is http, but there is no api_key, nor email and password")
        return self
