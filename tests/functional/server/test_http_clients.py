"""Clients of other languages, and what HTTP/1.1 allows on the wire."""

import json
import os
import shutil
import socket
import subprocess
import threading
import time

import pytest

import conductor.server
from conductor import ConductorClient
from conductor.server.http import connection
from conductor.server.http.middleware import Fault

FLOW = {
    "name": "f",
    "version": 1,
    "ownerEmail": "a@b.c",
    "tasks": [{"name": "n", "taskReferenceName": "n", "type": "NOOP"}],
}
BODY = json.dumps([FLOW])
START = json.dumps({"name": "f", "input": {"note": "ä" * 2000}})


@pytest.fixture
def server():
    with conductor.server.start() as one:
        yield one


def tool(name):
    """The path of a program; its tests are skipped at home, and fail in CI, where it is missing."""
    path = shutil.which(name) or shutil.which(name, path="/usr/local/go/bin:/usr/local/bin:/usr/bin")
    if path is None:
        if os.environ.get("CI"):
            raise AssertionError(f"{name} is not installed")
        pytest.skip(f"{name} is not installed")
    return path


def run(*command, timeout=120, **env):
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, env={**os.environ, **env}, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


JAVA = """
import java.net.URI;
import java.net.http.*;
import java.net.http.HttpRequest.BodyPublishers;

public class Client {
  public static void main(String[] words) throws Exception {
    var client = HttpClient.newHttpClient();
    for (var expects : new boolean[] {false, true}) {
      var put = HttpRequest.newBuilder(URI.create(words[0] + "/metadata/workflow")).expectContinue(expects)
        .header("Content-Type", "application/json").PUT(BodyPublishers.ofString(words[1])).build();
      System.out.println(client.send(put, HttpResponse.BodyHandlers.ofString()).statusCode());
    }
    var bytes = words[2].getBytes("UTF-8");
    var start = HttpRequest.newBuilder(URI.create(words[0] + "/workflow")).header("Content-Type", "application/json")
      .POST(BodyPublishers.ofInputStream(() -> new java.io.ByteArrayInputStream(bytes))).build();
    var response = client.send(start, HttpResponse.BodyHandlers.ofString());
    System.out.println(response.statusCode() + " " + response.body().length() + " " + response.version());
    var health = HttpRequest.newBuilder(URI.create(words[0] + "/health")).build();
    System.out.println(client.send(health, HttpResponse.BodyHandlers.ofString()).statusCode());
  }
}
"""


def test_the_http_client_of_java(server, tmp_path):
    source = tmp_path / "Client.java"
    source.write_text(JAVA)
    assert run(tool("java"), str(source), server.url, BODY, START).split() == [
        "200",
        "200",
        "200",
        "36",
        "HTTP_1_1",
        "200",
    ]


NODE = """
const [url, body, start] = process.argv.slice(1);
const headers = { "Content-Type": "application/json" };
(async () => {
  console.log((await fetch(url + "/metadata/workflow", { method: "PUT", headers, body })).status);
  const stream = new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode(start)); c.close(); } });
  const answer = await fetch(url + "/workflow", { method: "POST", headers, body: stream, duplex: "half" });
  console.log(answer.status, (await answer.text()).length);
  console.log((await fetch(url + "/version", { method: "HEAD" })).status);
})();
"""


def test_fetch_of_node(server):
    assert run(tool("node"), "-e", NODE, server.url, BODY, START).split() == ["200", "200", "36", "200"]


GO = """
package main

import ("fmt"; "io"; "net/http"; "os"; "strings")

type unsized struct{ io.Reader }

func send(method, url string, body io.Reader, expect bool) (int, string) {
  request, _ := http.NewRequest(method, url, body)
  request.Header.Set("Content-Type", "application/json")
  if expect { request.Header.Set("Expect", "100-continue") }
  response, err := http.DefaultClient.Do(request)
  if err != nil { fmt.Println(err); os.Exit(1) }
  content, _ := io.ReadAll(response.Body)
  response.Body.Close()
  return response.StatusCode, string(content)
}

func main() {
  url := os.Args[1]
  status, _ := send("PUT", url + "/metadata/workflow", strings.NewReader(os.Args[2]), true)
  fmt.Println(status)
  status, id := send("POST", url + "/workflow", unsized{strings.NewReader(os.Args[3])}, false)
  fmt.Println(status, len(id))
  status, _ = send("HEAD", url + "/version", nil, false)
  fmt.Println(status)
}
"""


def test_net_http_of_go(server, tmp_path):
    source = tmp_path / "main.go"
    source.write_text(GO)
    seen = run(tool("go"), "run", str(source), server.url, BODY, START, GOFLAGS="-mod=mod", GO111MODULE="off")
    assert seen.split() == ["200", "200", "36", "200"]


def test_curl_with_various_options(server):
    curl, sent = tool("curl"), ["-H", "Content-Type: application/json", "-X", "PUT", "-d", BODY]
    for options in (
        ["--http1.1"],
        ["--http1.0"],
        ["--http2"],
        ["-H", "Expect: 100-continue"],
        ["-H", "Transfer-Encoding: chunked"],
        ["-H", "Connection: close"],
        ["-H", "Connection: Upgrade", "-H", "Upgrade: websocket"],
    ):
        out = run(curl, "-s", "-w", " %{http_code}", *options, *sent, f"{server.url}/metadata/workflow")
        assert out.endswith(" 200"), (options, out)


# -- on the wire


def exchange(server, *pieces, until=b"", wait=5):
    """Send pieces of bytes; returns what came until the server closed, or until the bytes."""
    with socket.create_connection((server.host, server.port), timeout=wait) as one:
        for piece in pieces:
            one.sendall(piece)
            time.sleep(0.01)
        received = b""
        while not (until and until in received):
            piece = one.recv(65536)
            if not piece:
                break
            received += piece
    return received


def request(method="GET", path="/api/version", version="HTTP/1.1", *headers, body=b""):
    return "\r\n".join([f"{method} {path} {version}", "Host: localhost", *headers, "", ""]).encode() + body


CLOSE = "Connection: close"
JSON = "Content-Type: application/json"


def test_a_request_to_upgrade_is_ignored(server):
    body = BODY.encode()
    for offer in (
        ["Connection: Upgrade, HTTP2-Settings, close", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAAA"],
        ["Connection: upgrade, close", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: eA=="],
        ["Connection: close", "Upgrade: TLS/1.0, HTTP/3.0"],
    ):
        sent = request(
            "PUT", "/api/metadata/workflow", "HTTP/1.1", JSON, f"Content-Length: {len(body)}", *offer, body=body
        )
        assert exchange(server, sent).startswith(b"HTTP/1.1 200 "), offer


def test_a_body_in_chunks_of_any_size(server):
    body = BODY.encode()
    for size in (1, 7, len(body)):
        chunks = b"".join(
            b"%x;ext=1\r\n%s\r\n" % (len(body[i : i + size]), body[i : i + size]) for i in range(0, len(body), size)
        )
        sent = request("PUT", "/api/metadata/workflow", "HTTP/1.1", JSON, "Transfer-Encoding: chunked", CLOSE)
        whole = sent + chunks + b"0\r\nTrailer: x\r\n\r\n"
        pieces = [whole[i : i + 50] for i in range(0, len(whole), 50)] if size == 7 else [whole]
        assert exchange(server, *pieces).startswith(b"HTTP/1.1 200 ")


def test_expect_is_answered_before_the_body(server):
    body = BODY.encode()
    head = request(
        "PUT", "/api/metadata/workflow", "HTTP/1.1", JSON, f"Content-Length: {len(body)}", "Expect: 100-continue", CLOSE
    )
    with socket.create_connection((server.host, server.port), timeout=5) as one:
        one.sendall(head)
        assert one.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        one.sendall(body)
        assert one.recv(100).startswith(b"HTTP/1.1 200 ")
    assert b"100 Continue" not in exchange(server, head + body)


def test_http_1_0_closes_without_keep_alive(server):
    assert exchange(server, b"GET /api/version HTTP/1.0\r\n\r\n").endswith(b"3.32.3")
    assert exchange(server, b"GET /api/version HTTP/1.0\n\n").endswith(b"3.32.3")
    kept = b"GET /api/version HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    assert exchange(server, kept, b"GET /api/version HTTP/1.0\r\n\r\n").count(b"3.32.3") == 2


def test_head_and_options(server):
    head = exchange(server, request("HEAD", "/api/version", "HTTP/1.1", CLOSE))
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"Content-Length: 6\r\n" in head
    assert head.endswith(b"\r\n\r\n")
    for path, methods in (("/api/version", b"GET,HEAD,OPTIONS"), ("/api/workflow", b"POST,OPTIONS")):
        options = exchange(server, request("OPTIONS", path, "HTTP/1.1", CLOSE))
        assert options.startswith(b"HTTP/1.1 200 ")
        assert b"Allow: " + methods + b"\r\n" in options
    assert exchange(server, request("OPTIONS", "/api/nothing", "HTTP/1.1", CLOSE)).startswith(b"HTTP/1.1 404 ")
    assert exchange(server, request("PATCH", "/api/workflow", "HTTP/1.1", CLOSE)).startswith(b"HTTP/1.1 405 ")


def test_requests_in_a_row_on_one_connection(server):
    three = request() * 2 + request("GET", "/api/version", "HTTP/1.1", CLOSE)
    assert exchange(server, three).count(b"HTTP/1.1 200 ") == 3
    split = [bytes([byte]) for byte in request("GET", "/api/version", "HTTP/1.1", CLOSE)]
    assert exchange(server, *split).endswith(b"3.32.3")


def test_a_full_url_as_target_is_served(server):
    assert exchange(server, request("GET", f"{server.url}/version", "HTTP/1.1", CLOSE)).endswith(b"3.32.3")


def test_ambiguous_requests_are_refused_and_end_the_connection(server, monkeypatch):
    post = ("POST", "/api/workflow", "HTTP/1.1")
    for sent, status in (
        (request(*post, "Content-Length: 3", "Content-Length: 4", body=b"abcd"), 400),
        (request(*post, "Content-Length: 3", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 400),
        (request(*post, "Content-Length: +3", body=b"abc"), 400),
        (request(*post, "Content-Length: 0x3", body=b"abc"), 400),
        (request(*post, "Content-Length: -1"), 400),
        (request(*post, "Content-Length: 99999999999999999999"), 413),
        (request(*post, "Transfer-Encoding: xchunked"), 501),
        (request(*post, "Transfer-Encoding: chunked", body=b"0x2\r\n{}\r\n0\r\n\r\n"), 400),
        (request(*post, "Transfer-Encoding: chunked", body=b"-1\r\n"), 400),
        (request(*post, "Transfer-Encoding: chunked", body=b"2\r\n{}x\r\n0\r\n\r\n"), 400),
        (request(*post, "Content-Length : 3", body=b"abc"), 400),
        (request("GET", "/api/version", "HTTP/1.1", " folded: x"), 400),
        (request("GET", "/api/version", "HTTP/1.1", "Host: other"), 400),
        (b"GET /api/version HTTP/1.1\r\n\r\n", 400),
        (b"GET /api/version HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (request("GET", "/api/version", "HTTP/1.1", "Long: " + "x" * 70_000), 431),
        (request("GET", "/api/version", "HTTP/1.1", *["a: b"] * 101), 431),
    ):
        received = exchange(server, sent)
        assert received.startswith(f"HTTP/1.1 {status} ".encode()), (sent[:200], received[:100])
        assert received.count(b"HTTP/1.1 ") == 1
    monkeypatch.setattr(connection, "MAX_BODY", 10)
    assert exchange(server, request(*post, "Content-Length: 11")).startswith(b"HTTP/1.1 413 ")
    chunked = request(*post, "Transfer-Encoding: chunked", body=b"6\r\nabcdef\r\n6\r\nabcdef\r\n")
    assert exchange(server, chunked).startswith(b"HTTP/1.1 413 ")


def test_empty_lines_and_tiny_chunks_do_not_block_others(server):
    lines = b"\r\n" * 2_000_000
    post = request("POST", "/api/workflow", "HTTP/1.1", JSON, "Transfer-Encoding: chunked", CLOSE)
    chunks = post + b"1\r\n \r\n" * 200_000 + b"2\r\n{}\r\n0\r\n\r\n"
    answers, took = [], []
    get = request("GET", "/api/version", "HTTP/1.1", CLOSE)
    threads = [
        threading.Thread(target=lambda sent=sent: answers.append(exchange(server, sent, wait=60)))
        for sent in (lines + get, lines + get, chunks, chunks)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        begin = time.perf_counter()
        assert exchange(server, get, wait=60).endswith(b"3.32.3")
        took.append(time.perf_counter() - begin)
    assert sorted(one.partition(b"\r\n")[0] for one in answers) == [
        b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK", b"HTTP/1.1 400 Bad Request", b"HTTP/1.1 400 Bad Request"
    ]  # fmt: skip
    assert sorted(took)[len(took) // 2] < 1


def test_responses_that_a_client_does_not_read_are_not_stored(server):
    with ConductorClient(server_url=server.url) as client:
        client.metadata.update_workflows([{**FLOW, "outputParameters": {"x": "${workflow.input.x}"}}])
        workflow_id = client.workflows.start("f", {"x": "x" * 4_000_000})
    with socket.create_connection((server.host, server.port), timeout=30) as one:
        one.sendall(request("GET", f"/api/workflow/{workflow_id}") * 20)
        assert one.recv(15) == b"HTTP/1.1 200 OK"
        deadline = time.monotonic() + 30
        while not any(found._is_written for found in server._http.connections):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        (slow,) = (found for found in server._http.connections if found._is_written)
        assert slow._transport.get_write_buffer_size() < 20_000_000  # one response and not twenty
        received = 15
        while received < 20 * 8_000_000:  # the input and the output of each
            received += len(one.recv(1 << 20))


def test_a_disconnected_long_poll_takes_no_task(server):
    import requests

    requests.post(f"{server.url}/metadata/taskdefs", json=[{"name": "t", "ownerEmail": "a@b.c"}], timeout=5)
    with socket.create_connection((server.host, server.port), timeout=5) as one:
        one.sendall(request("GET", "/api/tasks/poll/batch/t?timeout=5000&count=1"))
        deadline = time.monotonic() + 5
        while "t" not in server._kernel.queues._listeners:
            assert time.monotonic() < deadline
            time.sleep(0.005)
    while "t" in server._kernel.queues._listeners:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    flow = {
        "name": "t",
        "version": 1,
        "ownerEmail": "a@b.c",
        "tasks": [{"name": "t", "taskReferenceName": "t", "type": "SIMPLE"}],
    }
    requests.put(f"{server.url}/metadata/workflow", json=[flow], timeout=5)
    requests.post(f"{server.url}/workflow", json={"name": "t"}, timeout=5)
    assert len(requests.get(f"{server.url}/tasks/poll/batch/t?count=1", timeout=5).json()) == 1


def test_a_fault_can_break_the_connection(server):
    server.faults.add(Fault(status=0))
    assert exchange(server, request()) == b""
    assert exchange(server, request("GET", "/api/version", "HTTP/1.1", CLOSE)).endswith(b"3.32.3")
