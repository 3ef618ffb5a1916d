"""A CRM with a REST API: unpaid invoices in pages, and each invoice by its id. `python crm_api.py PORT`."""

import json
import sys
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ZOE = {"id": 1, "name": "Zoé Roussel", "email": "zoe@courriel.example"}


def invoices() -> list[dict]:
    """One is eight days overdue, one is paid."""
    common = {
        "customer": ZOE,
        "currency": "EUR",
        "total": "48.00",
        "due_date": str(date.today() - timedelta(days=8)),
    }
    pay = "https://crm.alize.example/pay/"
    return [
        {
            "id": 1,
            "number": "F-2026-1",
            "status": "UNPAID",
            "left_to_pay": "48.00",
            "pay_url": f"{pay}1",
            **common,
        },
        {
            "id": 2,
            "number": "F-2026-2",
            "status": "PAID",
            "left_to_pay": "0.00",
            "pay_url": f"{pay}2",
            **common,
        },
    ]


class Api(BaseHTTPRequestHandler):
    """Answers whoever brings the key."""

    def do_GET(self) -> None:
        """`/crm/invoice/` is a list, `/crm/invoice/1` is one of them."""
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        known = {str(one["id"]): one for one in invoices()}
        if self.headers.get("X-API-KEY") != "secret":
            self._answer(401, {"error": "give the key"})
        elif url.path == "/crm/invoice/":
            wanted = [
                one for one in known.values() if asked.get("paid") != "false" or one["status"] == "UNPAID"
            ]
            first = (int(asked.get("page", 1)) - 1) * int(asked.get("per_page", 20))
            self._answer(200, {"data": wanted[first : first + int(asked.get("per_page", 20))]})
        else:
            found = known.get(url.path.removeprefix("/crm/invoice/"))
            self._answer(200 if found else 404, found or {"error": "there is none"})

    def _answer(self, status: int, body: dict) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_words: object) -> None:
        """Say nothing of each call."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Api).serve_forever()
