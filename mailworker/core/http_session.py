"""An HTTP session that stays where it was sent."""

import requests


class DirectSession(requests.Session):
    """Follows no redirect: that could carry a key to another host, or a body to where nobody expects it.

    `allow_redirects=False` of requests still parses where a redirect points, and raises ValueError where that
    is no URL or no UTF-8.
    """

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002
        """Nowhere."""
        return None
