"""CGRateS over JSON-RPC.

Seen in its source (cores/server.go, apier/v2/accounts.go): POST to /jsonrpc, `params` with exactly one
object; the HTTP status is 200 for errors too, and `error` is a text, `NOT_FOUND` where there is nothing; 401
comes from HTTP Basic alone. Accounts that are not there are left out of GetAccounts silently.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import requests

from mailworker.config.cgrates import CgratesSettings
from mailworker.core.http_session import DirectSession
from mailworker.crm.cgrates.account import Account, read_account
from mailworker.errors import BadInput, Misconfigured, Unreachable

NOT_FOUND = "NOT_FOUND"


class CgratesClient:
    """Calls to one CGRateS. Every method raises Unreachable (later) or Misconfigured (a person must act)."""

    def __init__(self, settings: CgratesSettings) -> None:
        self.settings = settings
        self._session = DirectSession()
        # The engine is a neighbour: neither a proxy nor ~/.netrc of this host has anything to do with it.
        self._session.trust_env = False
        if settings.password:  # never without its user
            self._session.auth = (settings.user, settings.password.reveal())

    def accounts(self, names: Sequence[str]) -> tuple[dict[str, Account], list[str]]:
        """The accounts of these names that there are, by name, and a sentence for each that cannot be read.

        Asked for by name: paging through CGRateS by offset may miss and repeat accounts.
        """
        found: dict[str, Account] = {}
        faults: list[str] = []
        for start in range(0, len(names), self.settings.batch):
            part = list(names[start : start + self.settings.batch])
            answer = self.call("APIerSv2.GetAccounts", {"Tenant": self.settings.tenant, "AccountIDs": part})
            if not isinstance(answer, list | None):  # to be without accounts is something else
                raise _no_engine("200")
            for raw in answer or ():
                try:
                    account = read_account(raw)
                except BadInput as fault:
                    faults += fault.faults
                    continue
                if account.tenant == self.settings.tenant:
                    found[account.name] = account
        return found, faults

    def actions(self, names: Sequence[str]) -> Mapping[str, Any]:
        """The Actions of these names that there are, as CGRateS has them."""
        found = self.call("APIerSv2.GetActions", {"ActionIDs": list(names)})
        return found if isinstance(found, dict) else {}

    def version(self) -> str:
        """CGRateS's own version, as `CGRateS@v0.11.0~dev-...`; empty where it gives none."""
        answer = self.call("CoreSv1.Status", {})
        return str(answer.get("version") or "") if isinstance(answer, dict) else ""

    def call(self, method: str, parameters: Mapping[str, Any]) -> Any:
        """The result of one method; None for NOT_FOUND."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": [parameters]})
        answer = self._posted(body)
        if answer.status_code == 401:
            raise Misconfigured("CGRateS refuses the login; check balances.cgrates.user and password.")
        if answer.status_code >= 500:
            raise Unreachable(f"CGRateS answered {answer.status_code}.")
        found = _json(answer)
        fault = found.get("error")
        if fault in (None, ""):
            return found.get("result")
        return _nothing_found(method, fault)

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    def _posted(self, body: str) -> requests.Response:
        try:
            return self._session.post(
                self.settings.url,
                data=body,
                headers={"Content-Type": "application/json"},
                timeout=(5, self.settings.timeout.total_seconds()),
            )
        except requests.Timeout:
            raise Unreachable("CGRateS did not answer in time.") from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
            raise Misconfigured("balances.cgrates.url is not an address that can be called.") from None
        except requests.RequestException:
            raise Unreachable("CGRateS cannot be reached.") from None


def objects(found: Any) -> list[Mapping[str, Any]]:
    """The objects of a list; nothing where it is none."""
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def texts(found: Any) -> list[str]:
    """The texts of a list; nothing where it is none."""
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _json(answer: requests.Response) -> dict[str, Any]:
    """The answer's object; numbers as they were written."""
    try:
        # NaN and Infinity stay texts too: they are one account's fault, not the whole answer's.
        found = json.loads(answer.content, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not {"result", "error"} & found.keys():
        raise _no_engine(str(answer.status_code))
    return found


def _no_engine(status: str) -> Misconfigured:
    return Misconfigured(
        "What answers at balances.cgrates.url is not CGRateS: its answer is no JSON-RPC. Is there a "
        "proxy in between, or is the path /jsonrpc missing?",
        code=status,
    )


def _nothing_found(method: str, fault: Any) -> None:
    """None for NOT_FOUND, else the error: of CGRateS's text the part before any account's name."""
    text = str(fault)
    if text == NOT_FOUND:
        return
    if "find method" in text or "find service" in text:
        raise Misconfigured(f"This CGRateS does not know {method}: version 0.10 or later is needed.")
    word = text.partition(":")[0][:60]
    raise Unreachable(f"CGRateS answered {method} with an error: {word}.")
