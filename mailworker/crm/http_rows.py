"""OmniCRM's REST API, read page by page."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from mailworker.config.crm import HttpSettings, Question
from mailworker.core.did_you_mean import did_you_mean
from mailworker.core.http_session import DirectSession
from mailworker.crm.field_expression import dig, value_at
from mailworker.crm.http_auth import CrmLogin
from mailworker.crm.http_responses import checked, checked_record, json_of, timeouts, unreachable
from mailworker.crm.row_source_interface import KEYS, LONG_AGO, Cursor, Row, RowPage
from mailworker.errors import MailworkerError, Misconfigured, Unreachable

_OWN_MACHINE = {"localhost", "127.0.0.1", "::1"}


class HttpRows:
    """Rows out of JSON. Fields are renamed to ours by `crm.http.fields`."""

    def __init__(self, settings: HttpSettings, login: CrmLogin, page_size: int) -> None:
        self.settings = settings
        self.login = login
        self.page_size = page_size
        self._session = DirectSession()

    def offers(self, question: Question) -> bool:
        """Whether there is a path for it."""
        return question in self.settings.lists or question in self.settings.items

    def pages(
        self,
        question: Question,
        order: Sequence[str],  # noqa: ARG002 - an API has an order of its own
        after: Cursor | None = None,
    ) -> Iterator[RowPage]:
        """All rows in the API's own order; a position in it is the number of a page.

        Ends with the first empty page: an API may give fewer records than asked for. One that ignores the
        page's number answers the same page twice, which ends it too.
        """
        return self._pages(question, after, LONG_AGO)

    def changed(self, since: datetime) -> Iterator[RowPage]:
        """The API's list of `changed_customers`, asked since then."""
        return self._pages("changed_customers", None, since)

    def _pages(self, question: Question, after: Cursor | None, since: datetime) -> Iterator[RowPage]:
        before: list[Any] = []
        number = 1 + (int(after[0]) if after else 0)
        while question in self.settings.lists:
            records = self._list(question, number, since)
            if not records or records == before:
                return
            # In the middle of a page the last page but one is the position from which nothing is missed.
            ends = [(number - 1,)] * (len(records) - 1) + [(number,)]
            if not any(isinstance(record, dict) for record in records):
                raise Misconfigured(f"OmniCRM's list of {question} holds nothing that is an object.")
            yield RowPage([self._renamed(question, record) for record in records], ends)
            before, number = records, number + 1

    def of(self, question: Question, ids: Sequence[Any]) -> Sequence[Row]:
        """The rows of these ids, one call each; out of the list where there is no path for one of them."""
        if question in self.settings.items:
            return [row for one in ids for row in self._item(question, one)]
        wanted, key = {str(one) for one in ids}, KEYS[question]
        return [row for page in self.pages(question, ()) for row in page.rows if str(row.get(key)) in wanted]

    def count(self, question: Question) -> int | None:  # noqa: ARG002 - no API counts without listing
        """Unknown."""
        return None

    def check(self, question: Question, required: Sequence[str]) -> list[str]:
        """Whether the API lets us in, and whether a record has what is needed."""
        try:
            page = next(self.pages(question, ()), None)
        except MailworkerError as fault:
            return [f"crm.http {question}: {fault}", *self._in_clear()]
        rows = page.rows if page else ()
        missing = [column for column in required if rows and rows[0].get(column) is None]
        known = rows[0].keys() if rows else ()
        faults = [
            f"crm.http.fields.{question}: no field answers {column}; name it as `{column}: field.in.json`"
            f"{did_you_mean(column, set(known) - set(required))}"
            for column in missing
        ]
        return faults + self._in_clear()

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    def _in_clear(self) -> list[str]:
        address = urlsplit(self.settings.base_url)
        if address.scheme == "https" or address.hostname in _OWN_MACHINE:
            return []
        return ["crm.http.base_url is http: the key or password travels readable for all; use https."]

    def _list(self, question: Question, number: int, since: datetime) -> list[Any]:
        parameters = {self.settings.page_parameter: number, self.settings.size_parameter: self.page_size}
        moment = f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        path = self.settings.lists[question].replace("{updated_since}", quote(moment))
        answer = checked(self._get(path, parameters), f"the list of {question}")
        found = dig(json_of(answer, f"the list of {question}"), self.settings.records_field)
        if not isinstance(found, list):
            raise Misconfigured(
                f"OmniCRM's list of {question} is not under records_field; set crm.http.records_field."
            )
        return found

    def _item(self, question: Question, one: Any) -> list[Row]:
        path = self.settings.items[question].replace("{id}", quote(str(one), safe=""))
        answer = self._get(path, {})
        if answer.status_code in {404, 410}:
            return []
        found = json_of(checked_record(answer, question), f"one of {question}")
        inner = dig(found, self.settings.records_field) if self.settings.records_field else None
        found = inner if isinstance(inner, dict | list) else found
        if not found or (isinstance(found, dict) and not any(found.values())):  # {"data": null}
            return []
        records = found if isinstance(found, list) else [found]
        return [
            row for record in records if self._is_it(question, one, row := self._renamed(question, record))
        ]

    def _is_it(self, question: Question, one: Any, row: Row) -> bool:
        """Whether this is the record that was asked for; a document and its lines need not say it.

        Raises Unreachable where it cannot be known: it may be an error with the status of an answer.
        """
        names = (KEYS[question], *_NUMBERS.get(question, ()))
        named = [row[name] for name in names if row.get(name) is not None]
        if named or question in _DOCUMENTS:
            return not named or _spelt(one) in map(_spelt, named)
        raise Unreachable(
            f"OmniCRM answered one of {question} with something that has no {KEYS[question]}: "
            "an error, or crm.http.fields does not name it."
        )

    def _get(self, path: str, parameters: Mapping[str, Any]) -> requests.Response:
        answer = self._call(path, parameters)
        if answer.status_code == 401 and self.login.renew():
            return self._call(path, parameters)
        return answer

    def _call(self, path: str, parameters: Mapping[str, Any]) -> requests.Response:
        try:
            return self._session.get(
                self.settings.base_url.rstrip("/") + path,
                params=parameters,
                auth=self.login.auth(),
                timeout=timeouts(self.settings),
            )
        except requests.RequestException as fault:
            raise unreachable(fault) from None

    def _renamed(self, question: Question, record: Any) -> Row:
        if not isinstance(record, dict):
            return {}
        names = self.settings.fields.get(question) or self.settings.fields.get(
            _SAME.get(question, question), {}
        )
        return record | {ours: value_at(record, path) for ours, path in names.items()}


def _spelt(key: Any) -> str:
    """An id as text: 7 and "7" are one."""
    return str(key).strip().casefold()


#: An invoice is asked for by its id; some APIs take its number.
_NUMBERS: dict[Question, tuple[str, ...]] = dict.fromkeys(
    ("invoices", "open_invoices", "invoice_document"), ("number", "invoice_number")
)
_DOCUMENTS = {"invoice_document", "invoice_lines"}
#: Open invoices look like all invoices, and changed customers like all customers.
_SAME: dict[Question, Question] = {"open_invoices": "invoices", "changed_customers": "customers"}
