import pytest

from conductor.errors import ConfigurationError
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
        (7, "7"),
    ],
)
def test_path_parameters_are_quoted(name, quoted):
    assert GET.fill({"name": name, "ref": "r"}) == f"/workflow/{quoted}/task/r"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../secrets", "a\\b", None])
def test_names_the_server_cannot_address_are_refused_before_sending(name):
    with pytest.raises(ConfigurationError) as caught:
        GET.fill({"name": name, "ref": "r"})
    assert caught.value.variable == "name"
