"""A server that closes the connection after its answer, as Tomcat does after many an error."""

import socket
import threading

import pytest

from conductor.clients.client import ConductorClient
from conductor.errors import ServerError
from conductor.transport.operation import RetryPolicy

BODY = b'{"status":500,"message":"' + b"boom" * 5000 + b'"}'  # more than what is read along with the head
HEAD = b"HTTP/1.1 500\r\nContent-Type: application/json\r\nConnection: close\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n0\r\n\r\n"
SIZED = HEAD + f"Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY
UNTIL_CLOSED = HEAD + b"\r\n" + BODY


@pytest.mark.parametrize("answer", [CHUNKED, SIZED, UNTIL_CLOSED], ids=["chunked", "sized", "until closed"])
def test_the_answer_is_read_whole_before_the_connection_goes(answer):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.getsockname()[1]}"
            with (
                ConductorClient(server_url=url, retry=RetryPolicy.none()) as client,
                pytest.raises(ServerError) as caught,
            ):
                client.workflows.get("w")
        finally:
            thread.join()

    assert caught.value.server_message.startswith("boomboom")
