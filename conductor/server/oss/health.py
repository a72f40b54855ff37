"""What a server on this machine says of its health."""

from __future__ import annotations

import http.client
import json
import urllib.request

__all__ = ["healthy_server"]

_DIRECT = urllib.request.ProxyHandler({})  # a proxy of the environment must not come between


def healthy_server(address: str, timeout: float = 5.0) -> str | None:
    """Who answers ``GET /health`` with ``"healthy": true``: its ``Server`` header, or "". None when nobody does.

    Args:
        address: The server's address, without ``/api``.
        timeout: How long to wait for the answer, in seconds.
    """
    opener = urllib.request.build_opener(_DIRECT)
    try:
        with opener.open(f"{address}/health", timeout=timeout) as answer:
            said = json.load(answer)
            name = answer.headers.get("Server", "")
    except (OSError, ValueError, http.client.HTTPException):
        return None
    return name if isinstance(said, dict) and said.get("healthy") is True else None
