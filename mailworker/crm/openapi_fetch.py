"""Where an installation keeps its API's description: the usual paths, and those that its docs page names."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

import requests
import yaml

from mailworker.config.crm import HttpSettings
from mailworker.core.http_session import DirectSession
from mailworker.crm.http_auth import login_of
from mailworker.crm.http_responses import timeouts, unreachable
from mailworker.errors import MailworkerError, Misconfigured

#: Flask's usual libraries: flask-restx, flasgger, apispec, connexion.
PATHS = (
    "/crm/swagger.json",
    "/crm/docs/swagger.json",
    "/crm/openapi.json",
    "/crm/docs/openapi.json",
    "/crm/apispec_1.json",
    "/swagger.json",
    "/openapi.json",
    "/apispec_1.json",
)
#: Swagger UI's page, whose HTML or script names the description.
DOCS = "/crm/docs/"
_NAMED = re.compile(
    r"""["']([^"'\s]*(?:swagger|openapi|apispec|spec)[^"'\s]*\.(?:json|ya?ml))["']""", re.IGNORECASE
)
_LARGEST = 20_000_000


def fetch_description(settings: HttpSettings) -> tuple[str, Mapping[str, Any]]:
    """The path of the description, and its content. Raises Misconfigured with the paths that were tried."""
    with DirectSession() as session:
        tried: list[str] = []
        for path in (*_from_docs(session, settings), *PATHS):
            if path in tried:
                continue
            tried.append(path)
            document = _read(_get(session, settings, path))
            if document is not None:
                return path, document
    raise Misconfigured(
        f"No OpenAPI document was found at {settings.base_url}; tried {', '.join(tried)}. Write "
        "crm.http.lists and items from what the page /crm/docs/ shows."
    )


def _from_docs(session: requests.Session, settings: HttpSettings) -> list[str]:
    page = _get(session, settings, DOCS)
    if page is None:
        return []
    named = (urljoin(DOCS, found) for found in _NAMED.findall(page.decode("utf-8", "replace")))
    return [path for path in named if path.startswith("/") and not path.startswith("//")]


def _get(session: requests.Session, settings: HttpSettings, path: str) -> bytes | None:
    """What stands there, first as nobody, then as ourselves; None where there is nothing to be had."""
    try:
        answer = _asked(session, settings, path, None)
        if answer.status_code in {401, 403} and (settings.api_key or settings.email):
            answer = _asked(session, settings, path, login_of(settings).auth())
    except requests.RequestException as fault:
        raise unreachable(fault) from None
    except Misconfigured as fault:
        raise MailworkerError(str(fault)) from None
    return answer.content if answer.status_code == 200 and len(answer.content) <= _LARGEST else None


def _asked(session: requests.Session, settings: HttpSettings, path: str, auth: Any) -> requests.Response:
    url = settings.base_url.rstrip("/") + path
    return session.get(url, auth=auth, timeout=timeouts(settings))


def _read(content: bytes | None) -> Mapping[str, Any] | None:
    if content is None:
        return None
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        try:
            found = yaml.safe_load(content)
        except (yaml.YAMLError, ValueError, RecursionError):
            return None
    is_one = isinstance(found, dict) and ("swagger" in found or "openapi" in found)
    return found if is_one and isinstance(found.get("paths"), dict) else None
