"""What all answers have, whether the application gives them or the server before it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

PROBLEM_TYPE = "application/problem+json"

RETRY_AFTER = "1"
"""Seconds after which a client that found no place may ask again, as a header has it."""

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; object-src 'none'; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
)
"""For browsers: nothing from other hosts, no inline script or style, no frame around the page."""


def problem(status: int, detail: str) -> bytes:
    """The body of an error, as RFC 9457 has it.

    Examples
    --------
    >>> problem(404, "there is nothing here")
    b'{"type": "about:blank", "title": "Not Found", "status": 404, "detail": "there is nothing here"}'
    """
    title = HTTPStatus(status).phrase
    return json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail}).encode()


def too_large(max_bytes: int) -> str:
    """What a 413 says."""
    return f"a request may have {max_bytes:,} bytes at most; send a smaller picture"
