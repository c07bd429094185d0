"""The server: waitress, with bounds on what it holds for clients, and an end that lets work be finished."""

from __future__ import annotations

import contextlib
import ipaddress
import signal
import socket
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fer_toolkit._optional import require
from fer_toolkit.errors import OptionError
from fer_toolkit.web.app import EXTENSION

if TYPE_CHECKING:
    from flask import Flask

    from fer_toolkit.web._waitress import Server


def create_server(app: Flask, host: str = "127.0.0.1", port: int = 8000) -> Server:
    """Listen for requests to an application (needs ``fer-toolkit[web]``).

    Parameters
    ----------
    app
        What :func:`~fer_toolkit.web.create_app` made.
    host
        Address to listen on, by default one that only this machine reaches; ``"0.0.0.0"`` is all of them.
    port
        0 for a free one.

    Returns
    -------
    Server
        ``run()`` serves until ``stop()`` is called, and then finishes what is under way; ``address`` is where a browser
        finds it.

    Raises
    ------
    OptionError
        If the address can't be listened on: another program has it, or it is none of this machine.
    MissingExtraError
        If waitress is not installed.

    Examples
    --------
    ::

        server = create_server(create_app(), port=8080)
        print(server.address)  # http://127.0.0.1:8080/
        server.run()
    """
    require("waitress", extra="web", feature="the web server")
    from fer_toolkit.web._waitress import Server

    try:
        return Server(app, app.extensions[EXTENSION], _bound(host, port))
    except (OSError, ValueError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise OptionError(f"can't listen on port {port} of {host!r}: {why}; choose another host or port") from error


def _bound(host: str, port: int) -> socket.socket:
    """A socket that has the address; of the two that "localhost" may mean, the older kind."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, *_, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    bound = socket.socket(family)
    try:
        if sys.platform != "win32":  # where it would let two programs have one port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except BaseException:
        bound.close()
        raise
    return bound


@contextlib.contextmanager
def stopped_by_signals(server: Server) -> Iterator[None]:
    """While the block runs, Ctrl-C and SIGTERM stop a server, which finishes what is under way; a second one ends all.

    Parameters
    ----------
    server
        What :func:`create_server` made. The block is entered in the main thread.
    """
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # A shell's background job ignores Ctrl-C, which is meant for another.
    before = {number: handler for number, handler in handlers.items() if handler is not signal.SIG_IGN}

    def stop(*_: object) -> None:
        restore()
        server.stop()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        restore()


def is_local(server: Server) -> bool:
    """Whether only this machine reaches a server."""
    return ipaddress.ip_address(server.effective_host).is_loopback
