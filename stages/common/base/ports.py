"""A port for a server on this machine."""

import socket

from stages.common.base.errors import UserError


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens on an address that nobody else has; port 0 is a free one. Raises UserError without one."""
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()  # so that a link works as soon as it is printed
    except (OSError, OverflowError) as error:
        listener.close()
        raise UserError(f"{host} --port {port}: {error}; --port 0 picks a free one") from None
    return listener
