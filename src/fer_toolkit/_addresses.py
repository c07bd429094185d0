"""Addresses of hosts, as messages may show them."""

from __future__ import annotations

import re


def without_secrets(address: str) -> str:
    """An address without user, password and query.

    Examples
    --------
    >>> without_secrets("https://me:secret@example.org/file?token=1")
    'https://example.org/file'
    """
    before_query = re.split(r"[?#]", address, maxsplit=1)[0]
    return re.sub(r"(?<=//)[^/]*@", "", before_query)
