"""A little OmniCRM on a loopback port: login, refresh, API key, lists by page, and faults on request.

FACT (seen in the manual): the base /crm/, POST /crm/auth/login with email and password, its `token` and
`refresh_token`, `Authorization: Bearer`, API keys, Swagger UI at /crm/docs/, the families customer, service,
product, provision, transaction, invoice. GUESS: the header X-API-KEY, the refresh path, how lists are paged and
enveloped, the contact family, and every field's name that the invoice templates do not show.
"""

import base64
import itertools
import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from tests import http_server


class Crm:
    """What the server knows, what it was asked, and how it should misbehave."""

    def __init__(self):
        self.records = {"invoice": {}, "customer": {}, "contact": {}}
        self.calls = []
        self.answers = []  # (status, headers, body) to give instead, first come first served
        self.largest_page = 1000
        self.counts_pages = True
        self.envelope = "data"
        self.expires = 4_000_000_000
        self.logins = 0
        self.refreshes = 0
        self.takes_refresh = True
        self.good_tokens = set()
        self._numbers = itertools.count(1)
        self.documents = {}  # what stands at these paths, for everybody

    def token(self):
        claims = base64.urlsafe_b64encode(
            json.dumps({"exp": self.expires, "n": next(self._numbers)}).encode()
        )
        made = "head." + claims.decode().rstrip("=") + ".signature"
        self.good_tokens = {made}
        return {"token": made, "refresh_token": "again", "roles": ["api"]}

    def post(self, path, body):
        if path == "/crm/auth/login":
            self.logins += 1
            right = body == {"email": "robot@crm.example", "password": "s3cret"}
            return (200, self.token()) if right else (401, {"message": "wrong"})
        self.refreshes += 1
        right = self.takes_refresh and body == {"refresh_token": "again"}
        return (200, self.token()) if right else (401, {"message": "expired"})

    def get(self, url, headers):
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        if headers.get("X-API-KEY") != "key" and token not in self.good_tokens:
            return 401, {"message": "who are you?"}
        _, _, kind, *rest = [*url.path.split("/"), ""]
        if kind not in self.records:
            return 404, {"message": "none"}
        if named := [part for part in rest if part]:
            found = self.records[kind].get(named[-1])
            return (200, found) if found is not None else (404, {"message": "none"})
        return 200, self.page(list(self.records[kind].values()), parse_qs(url.query))

    def page(self, found, query):
        if "paid" in query:
            found = [one for one in found if one["status"] != "paid"]
        size = min(int(query["per_page"][0]), self.largest_page)
        number = int(query["page"][0]) if self.counts_pages else 1
        part = found[(number - 1) * size : number * size]
        return {self.envelope: part} if self.envelope else part


@contextmanager
def serving(crm):
    """The base URL of a server that answers from `crm`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            crm.calls.append(self.path)
            if self.path in crm.documents:
                text = crm.documents[self.path]
                crm.answers.insert(0, (200, {}, text.encode()))
            self.answer(lambda: crm.get(urlsplit(self.path), self.headers))

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(lambda: crm.post(self.path, body))

        def answer(self, make):
            if crm.answers:
                status, headers, body = crm.answers.pop(0)
            else:
                status, content = make()
                headers, body = {"Content-Type": "application/json"}, json.dumps(content).encode()
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    with http_server.listening(Handler, 0.05) as url:
        yield url
