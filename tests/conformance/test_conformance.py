import kit
import pytest

_MORE_TRIES = 2  # a loaded real server lets the JOIN of a fork and its branches race


@pytest.mark.parametrize("name", sorted(kit.SCENARIOS))
def test_the_embedded_server_behaves_like_the_oss_server(name, embedded_url_of, real_outcomes, real_url_of):
    ours = kit.outcome_of(embedded_url_of(name), name)
    theirs = real_outcomes[name].result(timeout=200)
    for _ in range(_MORE_TRIES):
        if ours == theirs:
            break
        theirs = kit.outcome_or_error(real_url_of(name), name)
    assert ours == theirs
