"""The names that errors propose for unknown ones."""

from conductor._internal.suggestions import did_you_mean, suggest, suggest_all


def test_misspellings_find_the_name_that_was_meant():
    known = ["retryCount", "retry_delay", "pay", "charge-card", "timeoutSeconds"]
    for given, meant in [
        ("retry_count", "retryCount"),
        ("RETRY-DELAY", "retry_delay"),
        ("pya", "pay"),
        ("chargecrad", "charge-card"),
        ("timeoutSecond", "timeoutSeconds"),
    ]:
        assert suggest(given, known) == meant, given


def test_unrelated_names_and_the_name_itself_are_not_proposed():
    for given in ("pay", "", "x", "retry", "secondsOfAll"):
        assert suggest(given, ["pay", "retryCount"]) is None, given
    assert suggest("pay", []) is None


def test_suggestions_are_ordered_by_similarity_then_as_they_are_known():
    assert suggest_all("ship_order", ["ship_ordes", "ship_orders", "ship_orderz"], count=3) == [
        "ship_orders",
        "ship_orderz",
        "ship_ordes",
    ]
    assert len(suggest_all("ab", ["abc", "abd", "abe"], count=2, threshold=0.5)) == 2


def test_the_end_of_a_sentence():
    assert did_you_mean("pya", ["pay"]) == "; did you mean 'pay'?"
    assert did_you_mean("pya", ["ship"]) == ""
