import pytest

from conductor.worker.pool import ConcurrencyLimit


@pytest.fixture
def now():
    return [100.0]


@pytest.fixture
def slots(now):
    return ConcurrencyLimit(2, lambda: now[0])


def test_no_more_are_given_than_there_are(slots):
    assert [slots.take("a", 1), slots.take("a", 5), slots.take("b", 1)] == [1, 1, 0]
    assert slots.is_used_up
    slots.give_back(1)
    assert not slots.is_used_up
    assert slots.take("b", 2) == 1


def test_without_a_limit_every_request_is_granted():
    slots = ConcurrencyLimit(None)
    assert slots.take("a", 1000) == 1000
    assert (slots.is_used_up, slots.is_wanted("a")) == (False, False)


def test_who_has_waited_a_tenth_of_a_second_is_served_before_the_others(slots, now):
    slots.take("a", 2)
    assert slots.take("b", 1) == 0
    assert not slots.is_wanted("a")
    now[0] += 0.11
    assert slots.is_wanted("a")
    assert not slots.is_wanted("b")
    slots.give_back(1)
    assert slots.take("a", 1) == 0
    assert slots.take("b", 1) == 1
    assert not slots.is_wanted("a") or slots.take("a", 1) == 0


def test_who_asks_no_more_is_not_waited_for(slots, now):
    slots.take("a", 2)
    slots.take("b", 1)
    now[0] += 1.5
    slots.give_back(1)
    assert not slots.is_wanted("a")
    assert slots.take("a", 1) == 1
