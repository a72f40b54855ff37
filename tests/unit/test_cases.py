"""Tests of the helper that checks many cases in one test."""

import pytest
from cases import each


def test_every_failing_case_is_reported_and_the_rest_still_run():
    seen = []

    @each(("number", "square"), [(1, 1), (2, 5), (3, 9), ("x", None)])
    def check(number, square):
        seen.append(number)
        assert number * number == square

    with pytest.raises(pytest.fail.Exception) as caught:
        check()

    report = str(caught.value)
    assert seen == [1, 2, 3, "x"]
    assert report.startswith("2 of 4 cases failed: [2, 5], [x, None]\n")
    assert "assert (2 * 2) == 5" in report
    assert "TypeError: can't multiply sequence" in report


def test_a_failed_raises_or_a_skip_in_a_case_fails_the_test():
    @each("expected", [KeyError, ValueError, None])
    def check(expected):
        if expected is None:
            pytest.skip("not here")
        with pytest.raises(expected):
            {}["missing"]

    with pytest.raises(pytest.fail.Exception, match=r"2 of 3 cases failed: .*ValueError.*None"):
        check()


def test_no_cases_fail_the_test():
    check = each("value", [])(lambda value: None)

    with pytest.raises(AssertionError, match="there are no cases"):
        check()


@each("value", ["a", "b"])
def test_cases_share_the_fixtures_of_the_test(value, tmp_path):
    assert [file.name for file in tmp_path.iterdir()] == {"a": [], "b": ["a"]}[value]
    (tmp_path / value).touch()
