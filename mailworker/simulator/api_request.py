"""A request to the API as its handler sees it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from mailworker.simulator.case_insensitive import AnyCase, fold

#: What `ApiRequest.document` is when the body is no JSON.
NOT_JSON = object()


@dataclass
class ApiRequest:
    """Method, path, query, body; the body is parsed once, when first asked for."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    arrived_at: datetime
    ids: Mapping[str, str] = field(default_factory=dict)
    raw_path: str = ""

    @property
    def number(self) -> int:
        """The id in the path."""
        return int(self.ids["id"])

    @cached_property
    def document(self) -> Any:
        """The parsed body, or NOT_JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return NOT_JSON

    @cached_property
    def fields(self) -> Mapping[str, Any]:
        """The parsed body where it is an object, its names in any capitals; else nothing."""
        return fold(self.document) if isinstance(self.document, dict) else {}

    @cached_property
    def filters(self) -> Mapping[str, str]:
        """The query, its names in any capitals."""
        return AnyCase(self.query)
