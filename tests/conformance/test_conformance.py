import kit
import pytest


@pytest.mark.parametrize("name", sorted(kit.SCENARIOS))
def test_the_embedded_server_does_as_the_real_one(name, embedded_url, real_outcomes):
    assert kit.outcome_of(embedded_url, name) == real_outcomes[name].result(timeout=200)
