"""A stop of the embedded server leaves nothing open."""

from __future__ import annotations

import gc
import socket
import time
import warnings

from conductor.server.http.connection import HttpServer, ListeningSocket, error_answer


def test_connection_that_is_made_during_a_stop_is_closed() -> None:
    # The number of passes of the event loop between the stop and the connection decides which part of the server sees
    # the connection first, so each of them is tried.
    for passes in range(6):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _connect_after(passes)
            gc.collect()
        unclosed = [str(warning.message) for warning in caught if warning.category is ResourceWarning]
        assert not unclosed, (passes, unclosed)


def _connect_after(passes: int) -> None:
    listening = ListeningSocket(socket.AF_INET, socket.SOCK_STREAM)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    listening.setblocking(False)
    server = HttpServer(listening, lambda _: error_answer(404, "nothing is here"))
    server.start(30)
    clients: list[socket.socket] = []

    def connect(passes: int) -> None:
        if passes:
            server.loop.call_soon(connect, passes - 1)
        else:
            clients.append(socket.create_connection(listening.getsockname(), 30))

    # The loop is held until the stop is in its queue too, so that both begin in the same pass.
    server.loop.call_soon_threadsafe(time.sleep, 0.1)
    server.loop.call_soon_threadsafe(connect, passes)
    server.stop(30)
    assert len(clients) == 1
    clients[0].close()
