import pytest

from conductor.worker.pool import Places


@pytest.fixture
def now():
    return [100.0]


@pytest.fixture
def places(now):
    return Places(2, lambda: now[0])


def test_no_more_are_given_than_there_are(places):
    assert [places.take("a", 1), places.take("a", 5), places.take("b", 1)] == [1, 1, 0]
    assert places.is_used_up
    places.give_back(1)
    assert not places.is_used_up
    assert places.take("b", 2) == 1


def test_without_a_limit_every_request_is_granted():
    places = Places(None)
    assert places.take("a", 1000) == 1000
    assert (places.is_used_up, places.is_wanted("a")) == (False, False)


def test_who_has_waited_a_tenth_of_a_second_is_served_before_the_others(places, now):
    places.take("a", 2)
    assert places.take("b", 1) == 0
    assert not places.is_wanted("a")
    now[0] += 0.11
    assert places.is_wanted("a")
    assert not places.is_wanted("b")
    places.give_back(1)
    assert places.take("a", 1) == 0
    assert places.take("b", 1) == 1
    assert not places.is_wanted("a") or places.take("a", 1) == 0


def test_who_asks_no_more_is_not_waited_for(places, now):
    places.take("a", 2)
    places.take("b", 1)
    now[0] += 1.5
    places.give_back(1)
    assert not places.is_wanted("a")
    assert places.take("a", 1) == 1
