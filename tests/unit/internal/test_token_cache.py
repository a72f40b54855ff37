import logging
import threading
import time

import pytest

from conductor._internal.token_cache import NoTokenEndpoint, TokenCache
from conductor.errors import APIConnectionError, APITimeoutError, AuthenticationError

LIFE = 100.0


class Server:
    """Gives out t1, t2, ...; or raises what it is told to."""

    def __init__(self):
        self.calls = 0
        self.error = None
        self.gate = None

    def __call__(self, limit):
        self.calls += 1
        self.limit = limit
        if self.gate is not None:
            self.gate.wait(5)
        if self.error is not None:
            raise self.error
        return f"t{self.calls}"


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def now():
    return [1000.0]


@pytest.fixture
def cache(server, now):
    return TokenCache(server, LIFE, lambda: now[0])


def test_a_fresh_token_is_not_fetched_again(cache, server, now):
    assert cache.get() == "t1"
    now[0] += 79
    assert (cache.get(), server.calls) == ("t1", 1)


def test_past_80_percent_of_its_life_it_is_refreshed(cache, server, now):
    cache.get()
    now[0] += 81
    assert (cache.get(), server.calls) == ("t2", 2)


def test_others_go_on_with_the_valid_token_while_one_thread_refreshes(cache, server, now, wait_until):
    cache.get()
    now[0] += 81
    server.gate = threading.Event()
    refresher = threading.Thread(target=cache.get)
    refresher.start()
    wait_until(lambda: server.calls == 2)
    assert [cache.get() for _ in range(5)] == ["t1"] * 5
    server.gate.set()
    refresher.join(5)
    assert (cache.get(), server.calls) == ("t2", 2)


@pytest.mark.parametrize("age", [0, 101])
def test_fifty_threads_without_a_living_token_make_one_call(cache, server, now, age):
    if age:
        cache.get()
        now[0] += age
    before = server.calls
    server.gate = threading.Event()
    tokens = []
    threads = [threading.Thread(target=lambda: tokens.append(cache.get())) for _ in range(50)]
    for thread in threads:
        thread.start()
    server.gate.set()
    for thread in threads:
        thread.join(10)
    assert server.calls == before + 1
    assert tokens == [f"t{server.calls}"] * 50


def test_fifty_threads_whose_token_was_rejected_make_one_call(cache, server):
    cache.get()
    tokens = []
    threads = [threading.Thread(target=lambda: tokens.append(cache.renew("t1"))) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (server.calls, set(tokens)) == (2, {"t2"})


@pytest.mark.parametrize(("failures", "seconds"), [(1, 1), (2, 2), (3, 4), (4, 8), (6, 32), (7, 60), (9, 60)])
def test_the_nth_failure_waits_two_to_the_n_minus_one_seconds(cache, server, now, failures, seconds):
    server.error = APIConnectionError("down")
    for _ in range(failures):
        now[0] += 61
        with pytest.raises(APIConnectionError):
            cache.get()
    calls = server.calls
    now[0] += seconds - 0.5
    with pytest.raises(APIConnectionError):
        cache.get()
    assert server.calls == calls
    now[0] += 0.6
    with pytest.raises(APIConnectionError):
        cache.get()
    assert server.calls == calls + 1


def test_a_valid_token_survives_failed_refreshes(cache, server, now):
    cache.get()
    server.error = APIConnectionError("down")
    now[0] += 85
    assert [cache.get(), cache.get()] == ["t1", "t1"]
    assert server.calls == 2
    server.error = None
    now[0] += 2
    assert cache.get() == "t3"


def test_an_outage_is_logged_at_its_beginning_and_at_its_end(cache, server, now, caplog):
    caplog.set_level("INFO", logger="conductor._internal.token_cache")
    server.error = APIConnectionError("down")
    for _ in range(6):
        with pytest.raises(APIConnectionError):
            cache.get()
        now[0] += 61
    server.error = None
    cache.get()
    cache.renew("t7")
    (begins, ends) = caplog.records
    assert (begins.levelno, ends.levelno) == (logging.WARNING, logging.INFO)
    assert "down" in begins.getMessage()
    assert "after 366.0 s and 6 failed attempt(s)" in ends.getMessage()


def test_a_refused_access_key_during_an_outage_is_one_error(cache, server, now, caplog):
    for error in (APIConnectionError("down"), AuthenticationError("no"), AuthenticationError("no")):
        server.error = error
        with pytest.raises(type(error)):
            cache.get()
        now[0] += 61
    assert [r.levelno for r in caplog.records] == [logging.WARNING, logging.ERROR]


def test_a_server_without_a_token_endpoint_is_remembered(cache, server):
    server.error = NoTokenEndpoint()
    assert [cache.get(), cache.get(), cache.renew(None)] == [None, None, None]
    assert (server.calls, cache.is_disabled) == (1, True)


def test_a_missing_token_endpoint_is_tried_again_after_a_refused_request(cache, server, now):
    server.error = NoTokenEndpoint()
    assert cache.get() is None
    server.error = None
    now[0] += 1
    assert cache.renew(None) is None  # within two seconds it is not
    now[0] += 1.5
    assert cache.renew(None) == "t2"
    assert (cache.get(), cache.state) == ("t2", "valid")


def test_a_fetch_receives_its_time_limit(cache, server):
    cache.get(1.5)
    assert server.limit == pytest.approx(1.5)


def test_waiting_for_the_refresh_of_another_thread_has_a_limit(cache, server, wait_until):
    server.gate = threading.Event()
    refresher = threading.Thread(target=cache.get)
    refresher.start()
    wait_until(lambda: server.calls == 1)
    began = time.monotonic()
    with pytest.raises(APITimeoutError, match="POST /token"):
        cache.get(0.1)
    assert time.monotonic() - began < 2
    server.gate.set()
    refresher.join(5)


def test_a_failure_says_for_how_long_there_will_be_no_token(cache, server, now):
    server.error = APIConnectionError("down")
    with pytest.raises(APIConnectionError) as first:
        cache.get()
    now[0] += 0.75
    with pytest.raises(APIConnectionError) as second:
        cache.get()
    assert (first.value.token_retry_after, second.value.token_retry_after) == (1.0, 0.25)
