"""The kinds of integrations that the server lists, and which of their settings are secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from conductor.server.engine.context import RefusedError

Json = dict[str, Any]

#: Replacement of secret values in responses.
MASK = "***"
#: Categories of integrations, as in the API.
CATEGORIES = ("API", "AI_MODEL", "VECTOR_DB", "RELATIONAL_DB", "MESSAGE_BROKER", "GIT", "EMAIL", "MCP")
#: Names of settings whose values are secret.
_SECRET = re.compile(
    r"(api|access|private|secret|account|subscription).?key|secret|passw|passphrase|token|credential|authorization"
    r"|cookie|connection.?string|^(pwd|key)$|sasl.?jaas",
    re.IGNORECASE,
)
#: User and password in an address.
_LOGIN = re.compile(r"(?<=://)[^/@\s]+(?=@)")

#: The address of the API of each kind of model provider that has an OpenAI-compatible one.
MODEL_ENDPOINTS: Mapping[str, str] = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com/v1",
    "mistral": "https://api.mistral.ai/v1",
    "perplexity": "https://api.perplexity.ai",
    "grok": "https://api.x.ai/v1",
    "cohere": "https://api.cohere.ai/compatibility/v1",
    "ollama": "http://localhost:11434/v1",
}


def is_secret(name: str) -> bool:
    """Return whether a setting of this name is secret."""
    return bool(_SECRET.search(name))


def masked(value: Any, name: str = "") -> Any:
    """Return a configuration with ``***`` instead of its secrets, at any depth."""
    if isinstance(value, dict):
        return {key: masked(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [masked(one, name) for one in value]
    if value is None or isinstance(value, bool):
        return value
    if is_secret(name):
        return MASK
    return _LOGIN.sub(MASK, value) if isinstance(value, str) else value


def unmasked(given: Any, known: Any) -> Any:
    """Return a configuration with the known secrets instead of ``***``, which clients send back as they got it.

    Raises:
        RefusedError: It is nested too deeply (400).
    """
    try:
        return _unmasked(given, known)
    except RecursionError:
        raise RefusedError(400, "The configuration is nested too deeply") from None


def _unmasked(given: Any, known: Any) -> Any:
    if isinstance(given, dict):
        before = known if isinstance(known, dict) else {}
        return {key: _unmasked(one, before.get(key)) for key, one in given.items()}
    if isinstance(given, str) and MASK in given and isinstance(known, str) and _is_mask_of(given, known):
        return known
    return given


def _is_mask_of(given: str, known: str) -> bool:
    return given in {MASK, _LOGIN.sub(MASK, known)}


def secrets_in(value: Any, name: str = "") -> list[str]:
    """Return the secret values in a configuration, at any depth."""
    if isinstance(value, dict):
        return [found for key, one in value.items() for found in secrets_in(one, key)]
    if isinstance(value, list):
        return [found for one in value for found in secrets_in(one, name)]
    if isinstance(value, str) and value:
        return [value] if is_secret(name) else _LOGIN.findall(value)
    return []


def _field(name: str, label: str, kind: str = "TEXT", *, optional: bool = False) -> Json:
    return {"fieldName": name, "fieldType": kind, "label": label, "optional": optional}


def _kind(name: str, category: str, label: str, description: str, *fields: Json) -> Json:
    return {
        "name": name,
        "type": name,
        "category": category,
        "categoryLabel": label,
        "description": description,
        "enabled": True,
        "configuration": list(fields),
        "tags": [],
    }


def _model(name: str, *, is_local: bool = False) -> Json:
    return _kind(
        name,
        "AI_MODEL",
        "AI / LLM",
        f"Models of {name}",
        _field("api_key", "API key", "PASSWORD", optional=is_local),
        _field("endpoint", "Address of the API", optional=name in MODEL_ENDPOINTS),
        _field("completionsPath", "Path of chat completions", optional=True),
    )


def _database(name: str, *fields: Json) -> Json:
    endpoint = _field("endpoint", "Address")
    return _kind(name, "VECTOR_DB", "Vector databases", f"Vector database {name}", endpoint, *fields)


def _broker(name: str, description: str, *fields: Json) -> Json:
    return _kind(name, "MESSAGE_BROKER", "Message brokers", description, *fields)


_PASSWORD, _USER = _field("password", "Password", "PASSWORD"), _field("user", "User")
_KEY = _field("api_key", "API key", "PASSWORD")

#: The kinds that are listed before any is registered.
KINDS: tuple[Json, ...] = (
    _model("openai"),
    _model("azure_openai"),
    _model("anthropic"),
    _model("cohere"),
    _model("mistral"),
    _model("perplexity"),
    _model("grok"),
    _model("ollama", is_local=True),
    _database("pineconedb", _KEY, _field("projectName", "Project"), _field("environment", "Environment")),
    _database("weaviatedb", _KEY),
    _kind("pgvectordb", "VECTOR_DB", "Vector databases", "PostgreSQL with pgvector",
          _field("datasourceURL", "JDBC address"), _USER, _PASSWORD, _field("dimensions", "Dimensions")),
    _kind("mongovectordb", "VECTOR_DB", "Vector databases", "MongoDB Atlas",
          _field("endpoint", "Connection string", "PASSWORD"), _field("projectName", "Database")),
    _kind("relational_db", "RELATIONAL_DB", "Relational databases", "A database with a JDBC driver",
          _field("datasourceURL", "JDBC address"), _field("jdbcDriver", "Driver"), _USER, _PASSWORD),
    _broker("kafka", "Apache Kafka", _field("endpoint", "Bootstrap servers"), _USER, _PASSWORD),
    _broker("amqp", "RabbitMQ", _field("endpoint", "Address"), _field("port", "Port"), _USER, _PASSWORD),
    _broker("nats", "NATS", _field("endpoint", "Address"), _USER, _PASSWORD),
    _broker("sqs", "Amazon SQS", _field("region", "Region"), _field("awsAccountId", "Account")),
    _broker("azure_service_bus", "Azure Service Bus", _field("endpoint", "Connection string", "PASSWORD")),
    _broker("gcp_pubsub", "Google Pub/Sub", _field("projectName", "Project"),
            _field("serviceAccountCredentials", "Credentials", "FILE")),
    _kind("git", "GIT", "Git", "A Git repository", _field("endpoint", "Address"), _KEY),
    _kind("sendgrid", "EMAIL", "E-mail", "Twilio SendGrid", _KEY),
    _kind("api", "API", "APIs", "An HTTP API", _field("endpoint", "Address"), _KEY),
    _kind("mcp", "MCP", "MCP servers", "A remote MCP server", _field("endpoint", "Address"),
          _field("api_key", "Bearer token", "PASSWORD", optional=True)),
)  # fmt: skip
