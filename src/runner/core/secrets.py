"""Keeping what opens a door out of everything that is shown or stored."""

from __future__ import annotations

import re
from typing import Any

# Everything between :// and the last @ before the next slash or space. A password may hold nearly any sign.
USER_INFO = re.compile(r"(?<=://)[^/\s'\"]*@")
PASSWORD = re.compile(r"://[^/\s'\"@]*:[^/\s'\"]*@")
QUERY = re.compile(r"(?i)(?<=[?&])((?:access_?)?token|password|passwd|pwd|secret|api_?key|sig|signature)=[^&\s'\"]+")


def masked(text: str) -> str:
    """A text in which addresses have neither user nor password.

    >>> masked("no answer from https://ann:se@cret@tracker.example/x?token=1&a=2")
    'no answer from https://***@tracker.example/x?token=***&a=2'
    """
    if "://" not in text:
        return text
    return QUERY.sub(r"\1=***", USER_INFO.sub("***@", text))


def has_password(text: str) -> bool:
    """Whether a text holds an address with a password in it.

    >>> has_password("http://ann:s@x"), has_password("http://ann@x"), has_password("sqlite:///a.db")
    (True, False, False)
    """
    return PASSWORD.search(text) is not None or QUERY.search(text) is not None


def masked_in(value: Any) -> Any:
    """Plain values in which no text has an address with user or password.

    >>> masked_in({"uri": "http://ann:s@x", "parts": ["http://bob:s@y", 1]})
    {'uri': 'http://***@x', 'parts': ['http://***@y', 1]}
    """
    if isinstance(value, dict):
        return {key: masked_in(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [masked_in(inner) for inner in value]
    return masked(value) if isinstance(value, str) else value
