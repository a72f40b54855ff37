"""The settings of each backend, and what is wrong with a URL."""

import pytest

from conductor.errors import ConfigurationError
from conductor.server.oss.backend import backend_of, backend_settings

LOCK = "conductor.workflow-execution-lock.type"


def test_the_url_chooses_the_backend():
    chosen = {
        (None, None): "sqlite",
        ("redis", None): "redis",
        (None, "redis://h"): "redis",
        (None, "REDISS://h:1/2"): "redis",
        ("postgres", "postgresql://u@h/d"): "postgres",
        (None, "postgres://u@h/d"): "postgres",
    }
    assert {given: backend_of(*given) for given in chosen} == chosen


def test_redis_is_used_for_everything_with_its_lock():
    settings = backend_settings("redis", "redis://cache.example/3")
    given = settings.properties
    assert given["conductor.db.type"] == given["conductor.queue.type"] == "redis_standalone"
    assert given["conductor.redis.hosts"] == "cache.example:6379:us-east-1c"
    assert (given["conductor.redis.database"], given["conductor.redis.ssl"]) == (3, False)
    assert (given[LOCK], given["conductor.app.workflowExecutionLockEnabled"]) == ("redis", True)
    assert given["conductor.redis-lock.serverAddress"] == "redis://cache.example:6379"
    assert given["conductor.indexing.enabled"] is False
    assert settings.environment == {}


def test_postgres_is_used_for_everything_with_its_lock():
    settings = backend_settings("postgres", "postgresql://me%40x:s%3Acret@db.example:6000/orders?sslmode=require")
    given = settings.properties
    kinds = [given[f"conductor.{name}"] for name in ("db.type", "queue.type", "indexing.type")]
    assert kinds == ["postgres"] * 3
    assert given["spring.datasource.url"] == "jdbc:postgresql://db.example:6000/orders?sslmode=require"
    assert given["spring.datasource.username"] == "me@x"
    assert (given[LOCK], given["conductor.app.workflowExecutionLockEnabled"]) == ("postgres", True)
    assert settings.environment == {"SPRING_DATASOURCE_PASSWORD": "s:cret"}
    ipv6 = backend_settings("postgres", "postgres://me@[::1]/orders").properties
    assert ipv6["spring.datasource.url"] == "jdbc:postgresql://[::1]:5432/orders"


def test_passwords_are_in_no_property_and_no_repr():
    redis = backend_settings("redis", "rediss://me:s3cret@cache.example:7000")
    assert redis.environment == {
        "CONDUCTOR_REDIS_HOSTS": "cache.example:7000:us-east-1c:s3cret",
        "CONDUCTOR_REDISLOCK_SERVERPASSWORD": "s3cret",
    }
    assert redis.properties["conductor.redis-lock.serverAddress"] == "rediss://cache.example:7000"
    assert redis.properties["conductor.redis-lock.serverUsername"] == redis.properties["conductor.redis.user"] == "me"
    for settings in (redis, backend_settings("postgres", "postgresql://me:s3cret@h/d")):
        assert "s3cret" not in f"{settings.properties} {settings!r}"


@pytest.mark.parametrize(
    ("backend", "url", "words"),
    [
        ("mysql", None, "backend is 'mysql'; allowed: sqlite, redis, postgres"),
        (None, "mysql://h/d", "the scheme 'mysql' is unknown; it must be redis://"),
        (None, "jdbc:postgresql://h/d", "the scheme 'jdbc' is unknown"),
        (None, "localhost:6379", "the scheme 'localhost' is unknown"),
        ("sqlite", "redis://h", "the backend is sqlite; it must be no URL"),
        ("redis", "postgresql://u@h/d", "the backend is redis; it must be redis://"),
    ],
)
def test_a_backend_that_cannot_be_chosen_is_refused(backend, url, words):
    with pytest.raises(ConfigurationError) as caught:
        backend_of(backend, url)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("backend", "url", "words"),
    [
        ("redis", "redis://", "the host is missing"),
        ("redis", "redis://h:x", "the port is not a number"),
        ("redis", "redis://h:99999", "the port is not a number"),
        ("redis", "redis://h/orders", "not the number of a database"),
        ("redis", "redis://h?timeout=1", "not the number of a database"),
        ("redis", "redis://:s3%3Acret@h", "a Redis password with ':'"),
        ("postgres", "postgresql://u:s3cret@h", "the user or the database is missing"),
        ("postgres", "postgresql://h/d", "the user or the database is missing"),
        ("postgres", "postgresql://u:s3cret@h/d/e", "the user or the database is missing"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(backend, url, words):
    with pytest.raises(ConfigurationError) as caught:
        backend_settings(backend, url)
    assert words in str(caught.value)
    assert caught.value.variable == "url"
    assert "s3" not in f"{caught.value} {caught.value.value}"
