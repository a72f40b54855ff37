from uuid import UUID

import pytest

from conductor.errors import ConfigurationError
from conductor.models import TaskStatus
from conductor.transport.operation import Operation

GET = Operation("GET", "/workflow/{name}/task/{ref}", str)


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("plain", "plain"),
        ("with space", "with%20space"),
        ("a?b#c", "a%3Fb%23c"),
        ("50%", "50%25"),
        ("a;b", "a%3Bb"),
        ("über:x", "%C3%BCber%3Ax"),
        ("a..b", "a..b"),
        ("%2F..", "%252F.."),
        (7, "7"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (TaskStatus.COMPLETED, "COMPLETED"),
    ],
)
def test_path_parameters_are_quoted(name, quoted):
    assert GET.fill({"name": name, "ref": "r"}) == f"/workflow/{quoted}/task/r"


def test_names_the_server_cannot_address_are_refused_before_sending():
    strings = ["", " ", ".", "..", "a/b", "../secrets", "a\\b", "a\nb", "a\r\nHost: x", "a\0", "\ud800"]
    others = [None, True, b"a", 1.5, float("nan"), ["a"], {"a": 1}, object(), iter("a")]
    for name in (*strings, *others):
        with pytest.raises(ConfigurationError, match="cannot be the name of a request") as caught:
            GET.fill({"name": name, "ref": "r"})
        assert caught.value.variable == "name"
