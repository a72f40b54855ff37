"""The settings of the open-source server for each backend: SQLite, Redis or PostgreSQL, with its workflow lock.

Without the lock, executions on Redis and PostgreSQL can remain RUNNING although all of their tasks have completed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from attrs import field, frozen

from conductor.errors import ConfigurationError

__all__ = ["Backend", "BackendSettings", "backend_of", "backend_settings"]

Backend = Literal["sqlite", "redis", "postgres"]

#: The backend that each scheme of a URL belongs to.
_SCHEMES: dict[str, Backend] = {
    "redis": "redis",
    "rediss": "redis",
    "postgres": "postgres",
    "postgresql": "postgres",
}
_FORMS = {
    "redis": "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// for TLS",
    "postgres": "postgresql://USER:PASSWORD@HOST[:PORT]/DATABASE",
}
#: TCP ports of a URL without one, as in the clients of both databases.
_REDIS_PORT, _POSTGRES_PORT = 6379, 5432
#: The server requires a zone for each Redis host, although a single host does not need one.
_REDIS_ZONE = "us-east-1c"
#: Connections of the server to its database. Each waiting poll uses one of them every 100 ms to check its queue. With
#: the server's default of 10, 1,000 polls would wait for each other. PostgreSQL allows 100 by default.
_CONNECTIONS = 50


@frozen
class BackendSettings:
    """Settings of the server.

    Attributes:
        properties: Spring properties.
        secrets: Spring properties with passwords. They are passed in the environment: others can read a command line.
    """

    properties: Mapping[str, str | int | bool]
    secrets: Mapping[str, str] = field(factory=dict, repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """The secrets as environment variables, in Spring's spelling."""
        return {name.upper().replace(".", "_").replace("-", ""): value for name, value in self.secrets.items()}


def backend_of(backend: str | None, url: str | None) -> Backend:
    """Return the backend that the arguments choose: by default that of the URL, or SQLite.

    Raises:
        ConfigurationError: The backend does not exist, or the URL belongs to another backend.
    """
    scheme = urlsplit(url).scheme.lower() if url else ""
    found = _SCHEMES.get(scheme)
    if url and found is None:
        raise _invalid_url(url, f"the scheme {scheme!r} is unknown", " or ".join(_FORMS.values()))
    if backend is None:
        return found or "sqlite"
    if backend not in {"sqlite", "redis", "postgres"}:
        raise ConfigurationError(
            f"backend is {backend!r}; allowed: sqlite, redis, postgres.",
            variable="backend",
            value=backend,
            allowed="sqlite, redis, postgres",
        )
    if url and found != backend:
        form = _FORMS.get(backend, "no URL: SQLite is a file in the server's folder")
        raise _invalid_url(url, f"the backend is {backend}", form)
    chosen: Backend = "sqlite" if backend == "sqlite" else _SCHEMES[backend]
    return chosen


def backend_settings(backend: Backend, url: str) -> BackendSettings:
    """Return the settings with which the server uses the database at ``url``.

    Raises:
        ConfigurationError: The URL is invalid. The message does not contain a password.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise _invalid_url(url, "the port is not a number from 0 to 65535", _FORMS[backend]) from None
    if not parts.hostname:
        raise _invalid_url(url, "the host is missing", _FORMS[backend])
    return _redis(url, parts, port) if backend == "redis" else _postgres(url, parts, port)


def _redis(url: str, parts: SplitResult, port: int | None) -> BackendSettings:
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    database = parts.path.strip("/") or "0"
    if not database.isdigit() or parts.query or parts.fragment:
        raise _invalid_url(url, "the path is not the number of a database", _FORMS["redis"])
    if any(char in password for char in ":;"):
        raise _invalid_url(url, "the server cannot read a Redis password with ':' or ';'", "another password")
    host = f"{parts.hostname}:{port or _REDIS_PORT}"
    is_tls = parts.scheme.lower() == "rediss"
    properties: dict[str, str | int | bool] = {
        "conductor.db.type": "redis_standalone",
        "conductor.queue.type": "redis_standalone",
        "conductor.redis.ssl": is_tls,
        "conductor.redis.database": int(database),
        "conductor.redis.maxConnectionsPerHost": _CONNECTIONS,
        "conductor.redis.maxIdleConnections": _CONNECTIONS,
        "conductor.redis.workflowNamespacePrefix": "conductor",
        "conductor.redis.queueNamespacePrefix": "conductor_queues",
        "conductor.redis.taskDefCacheRefreshInterval": "1s",
        "conductor.redis.metadataCacheRefreshInterval": "1s",
        "conductor.workflow-execution-lock.type": "redis",
        "conductor.redis-lock.serverAddress": f"{'rediss' if is_tls else 'redis'}://{host}",
        "conductor.redis-lock.namespace": f"conductor_lock_{database}",  # locks are always in database 0
        "conductor.app.workflowExecutionLockEnabled": True,
        # On Redis, searches need Elasticsearch or OpenSearch; without one, they find nothing.
        "conductor.indexing.enabled": False,
    }
    hosts = f"{host}:{_REDIS_ZONE}"
    if not password:
        return BackendSettings({**properties, "conductor.redis.hosts": hosts})
    secrets = {"conductor.redis.hosts": f"{hosts}:{password}", "conductor.redis-lock.serverPassword": password}
    if user:
        properties |= {"conductor.redis.user": user, "conductor.redis-lock.serverUsername": user}
    return BackendSettings(properties, secrets)


def _postgres(url: str, parts: SplitResult, port: int | None) -> BackendSettings:
    database = parts.path.strip("/")
    if not database or "/" in database or not parts.username:
        raise _invalid_url(url, "the user or the database is missing", _FORMS["postgres"])
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    query = f"?{parts.query}" if parts.query else ""
    properties: dict[str, str | int | bool] = {
        "conductor.db.type": "postgres",
        "conductor.queue.type": "postgres",
        "conductor.indexing.enabled": True,
        "conductor.indexing.type": "postgres",
        "conductor.workflow-execution-lock.type": "postgres",
        "conductor.app.workflowExecutionLockEnabled": True,
        "conductor.postgres.taskDefCacheRefreshInterval": "1s",
        "spring.datasource.url": f"jdbc:postgresql://{host}:{port or _POSTGRES_PORT}/{database}{query}",
        "spring.datasource.username": unquote(parts.username),
        "spring.datasource.hikari.maximum-pool-size": _CONNECTIONS,
    }
    return BackendSettings(properties, {"spring.datasource.password": unquote(parts.password or "")})


def _invalid_url(url: str, why: str, form: str) -> ConfigurationError:
    parts = urlsplit(url)
    shown = url if parts.password is None else url.replace(f":{parts.password}@", ":***@", 1)
    return ConfigurationError(
        f"The database URL {shown!r} cannot be used: {why}; it must be {form}.",
        variable="url",
        value=shown,
        allowed=form,
    )
