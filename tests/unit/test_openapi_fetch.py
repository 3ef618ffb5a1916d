"""Finding the CRM's description: which places are tried, as whom, and which answers are none."""

import json

import pytest
import requests

from mailworker.config.crm import HttpSettings
from mailworker.crm import openapi_fetch
from mailworker.crm.openapi_fetch import DOCS, PATHS, fetch_description
from mailworker.errors import MailworkerError, Misconfigured, Unreachable

DOCUMENT = {"openapi": "3.0.0", "paths": {}}


class Site:
    """Answers by path; what needs a login says so to whoever has none."""

    def __init__(self, pages, closed=None):
        self.pages, self.closed, self.asked = pages, closed, []

    def get(self, url, *, auth, timeout):
        assert timeout
        path = url.removeprefix("https://crm.example")
        self.asked.append((path, auth is not None))
        found = self.pages.get(path)
        if isinstance(found, Exception):
            raise found
        answer = requests.Response()
        answer.status_code = 200 if found is not None else 404
        if self.closed and auth is None:
            answer.status_code = self.closed
        answer._content = found if isinstance(found, bytes) else json.dumps(found).encode()
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.fixture
def fetched(monkeypatch):
    def fetch(pages, closed=None, **more):
        site = Site(pages, closed)
        monkeypatch.setattr(openapi_fetch, "DirectSession", lambda: site)
        settings = HttpSettings(base_url="https://crm.example/", **({"api_key": "k"} | more))
        return site, lambda: fetch_description(settings)

    return fetch


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("version", ["swagger", "openapi"])
def test_it_is_found_wherever_it_is_and_the_paths_before_are_tried_once(fetched, path, version):
    document = {version: "x", "paths": {"/a": {}}}
    site, fetch = fetched({path: document})
    assert fetch() == (path, document)
    assert site.asked == [(tried, False) for tried in (DOCS, *PATHS[: PATHS.index(path) + 1])]


@pytest.mark.parametrize(
    ("page", "path"),
    [
        ('url: "v1/openapi.json"', "/crm/docs/v1/openapi.json"), ("url: '/x/swagger.yaml'", "/x/swagger.yaml"),
        ('"../my-apispec.yml"', "/crm/my-apispec.yml"), ('"/Spec.JSON"', "/Spec.JSON"),
    ],
)  # fmt: skip
def test_the_page_of_swagger_ui_names_it(fetched, page, path):
    site, fetch = fetched({DOCS: page.encode(), path: DOCUMENT})
    assert fetch() == (path, DOCUMENT)
    assert [asked for asked, _ in site.asked] == [DOCS, path]


def test_a_place_that_is_named_twice_is_tried_once_and_another_host_never(fetched):
    page = f'"{PATHS[0]}" "{PATHS[0]}" "//evil.example/openapi.json" "https://evil.example/openapi.json"'
    site, fetch = fetched({DOCS: page.encode()})
    with pytest.raises(Misconfigured) as caught:
        fetch()
    assert [path for path, _ in site.asked] == [DOCS, *PATHS]
    assert f"tried {', '.join(PATHS)}. Write" in str(caught.value)


@pytest.mark.parametrize("closed", [401, 403])
def test_what_is_closed_to_strangers_is_asked_for_as_ourselves(fetched, closed):
    site, fetch = fetched({PATHS[0]: DOCUMENT}, closed)
    assert fetch() == (PATHS[0], DOCUMENT)
    assert site.asked == [(DOCS, False), (DOCS, True), (PATHS[0], False), (PATHS[0], True)]


@pytest.mark.parametrize(("closed", "more"), [(402, {}), (500, {}), (401, {"api_key": None})])
def test_nobody_logs_in_for_any_other_answer_or_without_a_login(fetched, closed, more):
    site, fetch = fetched({PATHS[0]: DOCUMENT}, closed, **more)
    with pytest.raises(Misconfigured):
        fetch()
    assert {as_ourselves for _, as_ourselves in site.asked} == {False}


@pytest.mark.parametrize(
    "content",
    [
        b"<html>", b"[]", b"7", b"{", b"a: [", b'{"openapi": 3}', b'{"paths": {}}', b'{"openapi": "3", "paths": []}',
        b"[" * 20_000, b"\xff\xfe",
    ],
)  # fmt: skip
def test_what_is_no_description_is_passed_over(fetched, content):
    _, fetch = fetched({PATHS[0]: content, PATHS[1]: b"openapi: '3'\npaths: {}\n"})
    assert fetch() == (PATHS[1], {"openapi": "3", "paths": {}})


@pytest.mark.parametrize("more", [0, 1])
def test_a_description_has_an_end(fetched, more):
    large = json.dumps(DOCUMENT).encode().ljust(20_000_000 + more)
    _, fetch = fetched({PATHS[0]: large, PATHS[1]: DOCUMENT})
    assert fetch()[0] == PATHS[more]


def test_a_crm_that_is_away_and_a_login_that_is_refused_are_said(fetched, monkeypatch):
    _, fetch = fetched({DOCS: requests.ConnectTimeout()})
    with pytest.raises(Unreachable):
        fetch()

    def refused(_settings):
        raise Misconfigured("OmniCRM refuses the login.")

    monkeypatch.setattr(openapi_fetch, "login_of", refused)
    _, fetch = fetched({PATHS[0]: DOCUMENT}, 401)
    with pytest.raises(MailworkerError, match="OmniCRM refuses the login") as caught:
        fetch()
    assert not isinstance(caught.value, Misconfigured)
