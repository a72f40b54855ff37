import threading

import pytest

from conductor.transport.operation import GiveUp, Outcome, RetryBudget, RetryPolicy, Wait

POLICY = RetryPolicy(uniform=lambda low, high: 0.0)


@pytest.mark.parametrize(
    ("attempt", "outcome", "decision"),
    [
        # 429 was not carried out, so it is repeated whatever the operation
        (1, Outcome(False, 429), Wait(1.0)),
        (2, Outcome(False, 429), Wait(2.0)),
        (5, Outcome(True, 429), Wait(16.0)),
        (6, Outcome(True, 429), GiveUp()),
        (1, Outcome(True, 429, retry_after=7.0), Wait(7.0)),
        (1, Outcome(True, 429, retry_after=0.0), Wait(1.0)),
        (2, Outcome(True, 429, retry_after=0.0), Wait(2.0)),
        (1, Outcome(True, 429, retry_after=3600.0), GiveUp()),
        # 502, 503, 504 only where repeating is harmless
        (1, Outcome(True, 502), Wait(0.5)),
        (2, Outcome(True, 503), Wait(1.0)),
        (3, Outcome(True, 504), Wait(2.0)),
        (4, Outcome(True, 503), GiveUp()),
        (1, Outcome(False, 503), GiveUp()),
        (1, Outcome(True, 503, retry_after=4.0), Wait(4.0)),
        (1, Outcome(True, 503, retry_after=0.0), Wait(0.5)),
        # other statuses never
        (1, Outcome(True, 500), GiveUp()),
        (1, Outcome(True, 404), GiveUp()),
        # connection errors
        (1, Outcome(True), Wait(0.5)),
        (4, Outcome(True), GiveUp()),
        (1, Outcome(False), GiveUp()),
        (1, Outcome(False, never_sent=True), Wait(0.5)),
        # a timeout never, unless no connection was made at all
        (1, Outcome(True, timed_out=True), GiveUp()),
        (1, Outcome(False, timed_out=True, never_sent=True), Wait(0.5)),
    ],
)
def test_what_is_repeated_and_after_how_long(attempt, outcome, decision):
    assert POLICY.decide(attempt, outcome) == decision


def test_jitter_spreads_the_waits():
    waits = {RetryPolicy().decide(3, Outcome(True, 429)).seconds for _ in range(20)}
    assert len(waits) > 1
    assert all(3.6 <= wait <= 4.4 for wait in waits)


def test_no_retries_at_all():
    assert RetryPolicy.none().decide(1, Outcome(True, 429)) == GiveUp()
    assert RetryPolicy.none().decide(1, Outcome(True)) == GiveUp()


def test_the_budget_pays_for_a_thousand_retries_and_refills_with_time():
    now = [0.0]
    budget = RetryBudget(clock=lambda: now[0])
    assert [budget.take() for _ in range(1001)] == [True] * 1000 + [False]
    now[0] = 1.0
    assert [budget.take() for _ in range(11)] == [True] * 10 + [False]
    now[0] = 10_000.0
    budget.take()
    assert budget.tokens == RetryBudget.CAPACITY - RetryBudget.COST


def test_calls_that_succeed_fill_the_budget_up_to_its_capacity():
    budget = RetryBudget(clock=lambda: 0.0)
    while budget.take():
        pass
    budget.give_back(was_repeated=True)
    assert budget.take()
    assert not budget.take()
    for _ in range(10_000):
        budget.give_back(was_repeated=False)
    assert budget.tokens == RetryBudget.CAPACITY


def test_a_first_refusal_has_its_own_retries():
    refused = Outcome(True, never_sent=True, is_first_refusal=True)
    assert RetryPolicy(first_refusal_retries=0).decide(1, refused) == GiveUp()
    assert isinstance(RetryPolicy(first_refusal_retries=0).decide(1, Outcome(True, never_sent=True)), Wait)
    assert isinstance(RetryPolicy().decide(3, refused), Wait)


def test_no_token_is_lost_or_made_between_threads():
    budget = RetryBudget()
    threads = [
        threading.Thread(target=lambda: [budget.take() and budget.give_back(was_repeated=True) for _ in range(2000)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert budget.tokens == RetryBudget.CAPACITY
