import pytest

from conductor.errors import (
    APIConnectionError,
    AuthenticationError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
)
from conductor.worker.poll_backoff import MAX_WAIT_MS, PollBackoff


def test_the_wait_doubles_with_empty_polls_until_tasks_come():
    backoff = PollBackoff(interval=0.1, first_wait_ms=100)
    waits = []
    for _ in range(7):
        waits.append(backoff.wait_ms)
        assert backoff.after_empty(backoff.wait_ms, backoff.wait_ms / 1000) == 0.0
    assert waits == [100, 200, 400, 800, 1600, MAX_WAIT_MS, MAX_WAIT_MS]
    backoff.after_tasks()
    assert backoff.wait_ms == 100


def test_polls_whose_tasks_get_no_thread_become_rare_until_one_does():
    backoff = PollBackoff(interval=0.1, first_wait_ms=100)
    for longest in (0.2, 0.4, 0.8, 1.6, 2.0, 2.0):
        assert 0.75 * longest <= backoff.after_refusal() <= longest
    backoff.after_tasks()
    assert backoff.after_refusal() <= 0.2


def test_an_interval_of_a_second_or_more_is_kept():
    backoff = PollBackoff(interval=5.0, first_wait_ms=100)
    assert backoff.after_empty(100, 0.1) == pytest.approx(4.9)
    assert backoff.wait_ms == 100


def test_a_server_that_does_not_wait_is_asked_again_after_a_growing_pause():
    backoff = PollBackoff(interval=0.1, first_wait_ms=100)
    for longest in (0.1, 0.2, 0.4, 0.8, 1.0, 1.0):
        assert 0.75 * longest <= backoff.after_empty(1000, 0.001) <= longest
    assert backoff.after_empty(1000, 1.0) == 0.0


@pytest.mark.parametrize(("workers", "longest"), [(1, 1.0), (100, 1.0), (300, 3.0), (1000, 5.0)])
def test_the_more_workers_the_longer_the_pauses_of_those_that_do_not_wait(workers, longest):
    backoff = PollBackoff(interval=0.1, first_wait_ms=100, workers=workers)
    pauses = [backoff.after_empty(0, 0.001) for _ in range(40)][-20:]
    assert 0.75 * longest <= min(pauses) < max(pauses) <= longest  # with jitter, so that pollers do not keep in step


def test_a_rate_limit_without_a_pause_makes_no_hot_loop():
    backoff = PollBackoff(interval=0.1, first_wait_ms=100)
    pauses = [backoff.after_failure(RateLimitError("slow", status=429, retry_after=0.0)) for _ in range(20)]
    assert pauses[0] >= 0.15
    assert pauses[-1] > 20


@pytest.mark.parametrize(
    ("error", "longest"),
    [
        (APIConnectionError("gone"), 2.0),
        (ServerError("boom", status=500), 2.0),
        (AuthenticationError("no token"), 2.0),
        (AuthenticationError("who?", status=401), 30.0),
        (PermissionDeniedError("no", status=403), 30.0),
        (RateLimitError("slow", status=429), 30.0),
        (ValueError("a bug"), 30.0),
    ],
)
def test_failures_back_off_up_to_the_bound_of_their_kind(error, longest):
    backoff = PollBackoff(interval=0.1, first_wait_ms=100)
    pauses = [backoff.after_failure(error) for _ in range(30)]
    assert pauses[0] <= 0.2
    assert longest * 0.75 <= pauses[-1] <= longest
    assert backoff.failures == 30


def test_a_rate_limit_names_its_own_pause_within_reason():
    backoff = PollBackoff(interval=0.1, first_wait_ms=100)
    assert backoff.after_failure(RateLimitError("slow", status=429, retry_after=7.0)) == 7.0
    assert backoff.after_failure(RateLimitError("slow", status=429, retry_after=3600.0)) == 60.0


def test_without_a_token_the_next_poll_waits_until_one_may_be_asked_for():
    backoff = PollBackoff(interval=0.1, first_wait_ms=100)
    error = APIConnectionError("no token", token_retry_after=4.0)
    assert 4.0 <= backoff.after_failure(error) <= 4.1


def test_a_saturated_server_is_polled_less_often_and_with_short_waits():
    backoff = PollBackoff(0.1, 100)
    for _ in range(6):
        backoff.after_empty(backoff.wait_ms, backoff.wait_ms / 1000)
    assert backoff.wait_ms == 2500
    pauses = [backoff.after_empty(backoff.wait_ms, backoff.wait_ms / 1000 + 2) for _ in range(5)]
    assert backoff.wait_ms == 100
    ranges = [(0.75, 1), (1.5, 2), (3, 4), (3.75, 5), (3.75, 5)]
    assert all(low <= pause <= high for pause, (low, high) in zip(pauses, ranges, strict=True)), pauses
    assert backoff.after_empty(100, 0.1) < 0.1  # quick again
    assert backoff.wait_ms == 200


@pytest.mark.parametrize("is_long", [True, False])
def test_a_server_that_comes_back_gets_three_requests_of_a_poller_at_most(is_long):
    for number in range(200):
        backoff, at, requests = PollBackoff(0.1, 100, workers=1), number / 100, 0
        while at < 62:
            if at < 60:  # the outage
                at += backoff.after_failure(APIConnectionError("connection refused", never_sent=True))
                continue
            requests += 1
            asked = backoff.wait_ms if is_long else 0
            took = asked / 1000 + 0.001
            at += took + backoff.after_empty(asked, took)
        assert requests <= 3
