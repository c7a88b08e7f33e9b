"""Loaded by each Python process whose PYTHONPATH holds this folder: notes who is called outside.

It does not refuse, as libraries that report home in the background hide a refusal; the test reads
the notes.
"""

import os
import socket
from pathlib import Path
from typing import Any

HERE = {"127.0.0.1", "::1", "localhost", "", None}
_resolve, _connect = socket.getaddrinfo, socket.socket.connect


def _note(host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name not in HERE:
        with Path(os.environ["HIU_RISK_TEST_CALLS"]).open("a", encoding="utf-8") as notes:
            notes.write(f"{name}\n")


def getaddrinfo(host: Any, *more: Any, **options: Any) -> Any:
    _note(host)
    return _resolve(host, *more, **options)


def connect(self: socket.socket, address: Any) -> None:
    if isinstance(address, tuple):
        _note(address[0])
    return _connect(self, address)


if "HIU_RISK_TEST_CALLS" in os.environ:  # not where this file is only looked at for doctests
    socket.getaddrinfo = getaddrinfo
    socket.socket.connect = connect  # type: ignore[method-assign]
