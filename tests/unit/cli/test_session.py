"""The server that a command line talks to, and the file of its profiles."""

import json
import os
import stat

import pytest

from conductor.cli.exits import Misused
from conductor.cli.session import Profile, ProfileStore, Session
from conductor.errors import ConfigurationError


@pytest.fixture
def file(tmp_path, monkeypatch):
    file = tmp_path / "folder" / "profiles.json"
    monkeypatch.setenv("CONDUCTOR_PROFILES_FILE", str(file))
    return file


def save(**profiles):
    store = ProfileStore.load()
    store.profiles = {name: Profile(url) for name, url in profiles.items()}
    store.default = next(iter(profiles))
    store.save()


def test_the_server_is_chosen_in_the_documented_order(file, monkeypatch):
    def chosen(**options):
        return Session(**options).settings().server_url

    assert chosen() == "http://localhost:8080/api"
    save(first="http://first/api", second="http://second/api", third="http://third/api")
    assert chosen() == "http://first/api"
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", "http://environment/api")
    assert chosen() == "http://environment/api"
    monkeypatch.setenv("CONDUCTOR_PROFILE", "second")
    assert chosen() == "http://second/api"
    assert chosen(profile="third") == "http://third/api"
    assert chosen(profile="third", server="http://option/api") == "http://option/api"


def test_a_profile_has_its_own_access_key_or_none(file, monkeypatch):
    monkeypatch.setenv("CONDUCTOR_AUTH_KEY", "of the environment")
    monkeypatch.setenv("CONDUCTOR_AUTH_SECRET", "s3cret")
    monkeypatch.setenv("SECRET_OF_PROD", "s4cret")

    assert Profile("http://a/api").settings().auth_key is None
    settings = Profile("http://a/api", "key", auth_secret_env="SECRET_OF_PROD").settings()
    assert (settings.auth_key, settings.auth_secret) == ("key", "s4cret")
    monkeypatch.delenv("SECRET_OF_PROD")
    with pytest.raises(ConfigurationError, match="SECRET_OF_PROD, which is not set"):
        Profile("http://a/api", "key", auth_secret_env="SECRET_OF_PROD").settings()


def test_a_repr_hides_the_secret():
    assert "s3cret" not in repr(Profile("http://a/api", "key", "s3cret"))


def test_the_file_is_private_and_replaced_as_a_whole(file):
    save(one="http://one/api")
    save(two="http://two/api")

    if os.name == "posix":  # Windows has no file modes
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [one.name for one in file.parent.iterdir()] == ["profiles.json"]
    held = json.loads(file.read_text(encoding="utf-8"))
    assert held == {"default": "two", "profiles": {"two": {"server_url": "http://two/api"}}}
    assert ProfileStore.load().get("two") == Profile("http://two/api")


def test_an_unknown_profile_names_the_known_ones(file):
    with pytest.raises(Misused, match="conductor profile add x --server URL"):
        ProfileStore.load().get("x")
    save(b="http://b/api", a="http://a/api")
    with pytest.raises(Misused, match="Known profiles: a, b"):
        ProfileStore.load().get("x")


@pytest.mark.parametrize("text", ["{", "[]", '{"profiles": {"a": {"colour": 1}}}', '{"profiles": 5}', "\x00"])
def test_a_damaged_file_is_named(file, text):
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Misused, match=r"Cannot read the profiles in .*profiles\.json"):
        ProfileStore.load()
