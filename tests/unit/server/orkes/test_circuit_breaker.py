"""When circuit breakers open and close."""

from conductor.server.orkes.circuit_breaker import CLOSED, DEFAULTS, HALF_OPEN, OPEN, Breaker

CONFIG = {**DEFAULTS, "minimumNumberOfCalls": 4, "slidingWindowSize": 4, "permittedNumberOfCallsInHalfOpenState": 2}


def after_calls(breaker, calls, *, now=0, config=CONFIG):
    """Return the breaker after calls: F for a failed one, s for a slow one, + for any other."""
    for call in calls:
        breaker, permitted = breaker.before_call(now, config)
        assert permitted
        breaker = breaker.after_call(now, config, failed=call == "F", duration_ms=500 if call == "s" else 1)
    return breaker


def test_a_breaker_opens_at_the_failure_rate_or_the_slow_rate():
    for calls, state in [
        ("FFF", CLOSED),  # fewer calls than the minimum
        ("+++F", CLOSED),
        ("++FF", OPEN),
        ("+ss+", OPEN),
    ]:
        assert after_calls(Breaker(), calls).state == state, calls
    window = {**CONFIG, "slidingWindowSize": 4, "failureRateThreshold": 75}
    assert after_calls(Breaker(), "FF++F", config=window).state == CLOSED
    off = {**CONFIG, "failureRateThreshold": 0, "slowCallRateThreshold": 0}
    assert after_calls(Breaker(), "FFFFssss", config=off).state == CLOSED


def test_an_open_breaker_refuses_calls_until_the_wait_is_over():
    opened = after_calls(Breaker(), "FFFF", now=5)
    assert (opened.state, opened.previous, opened.since) == (OPEN, CLOSED, 5)
    same, permitted = opened.before_call(1004, CONFIG)
    assert (permitted, same) == (False, opened)
    half = opened.at(1005, CONFIG)
    assert (half.state, half.previous, half.since) == (HALF_OPEN, OPEN, 1005)
    manual = {**CONFIG, "automaticTransitionFromOpenToHalfOpenEnabled": False}
    assert opened.at(9999, manual).state == OPEN
    called, permitted = opened.before_call(9999, manual)
    assert (permitted, called.state, called.since) == (True, HALF_OPEN, 9999)


def test_the_calls_of_a_half_open_breaker_decide():
    half = after_calls(Breaker(), "FFFF").at(1000, CONFIG)
    unlimited = {**CONFIG, "maxWaitDurationInHalfOpenState": 0}
    assert after_calls(half, "+", now=1000, config=unlimited).state == HALF_OPEN
    assert after_calls(half, "++", now=1000, config=unlimited).state == CLOSED
    assert after_calls(half, "+F", now=1000, config=unlimited).state == OPEN
    for _ in range(2):
        half, permitted = half.before_call(1000, unlimited)
        assert permitted
    assert half.before_call(1000, unlimited)[1] is False
    one = after_calls(after_calls(Breaker(), "FFFF").at(1000, CONFIG), "+", now=1000)
    assert one.at(1001, CONFIG).state == CLOSED  # the time limit is over, and the call that was made decides


def test_breakers_survive_storage():
    breaker = after_calls(Breaker(), "+F", now=3)
    assert Breaker.from_document(breaker.as_document()) == breaker
