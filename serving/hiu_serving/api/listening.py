"""Taking an address and port before anything is said of them."""

from __future__ import annotations

import errno
import socket

from hiu_risk.errors import DataError

_REMEDIES = {
    errno.EADDRINUSE: "stop what listens there, or choose another --port",
    errno.EADDRNOTAVAIL: "choose a --host that is an address of this machine",
    errno.EACCES: "choose a --port of 1024 or above",
}


def listen(host: str, port: int) -> list[socket.socket]:
    """Take a port at every address that a host name stands for.

    Raises
    ------
    DataError
        The name stands for no address, or the port can't be taken.
    """
    where = f"--host {host} --port {port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise DataError(
            "no such address", where=where, fix="choose a --host that is an address of this machine"
        ) from None
    taken: list[socket.socket] = []
    refused: OSError | None = None
    for family, kind, protocol, _, address in found:
        one = socket.socket(family, kind, protocol)
        try:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(address)
        except OSError as error:
            one.close()
            refused = error
            # A name may stand for an address of a kind that this machine doesn't speak.
            if error.errno != errno.EADDRNOTAVAIL:
                break
        else:
            taken.append(one)
    if refused is None or (taken and refused.errno == errno.EADDRNOTAVAIL):
        return taken
    for one in taken:
        one.close()
    raise DataError(
        f"can't listen: {refused.strerror}",
        where=where,
        fix=_REMEDIES.get(refused.errno or 0, "choose another --host or --port"),
    )
