"""Integrations: providers, and the models or APIs of each. Their configurations are stored encrypted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from conductor._internal.epoch import from_epoch_ms
from conductor.models.codec import dumps, loads
from conductor.server.engine.context import RefusedError
from conductor.server.engine.expressions.references import substitute_secrets
from conductor.server.engine.json_fields import Reader, boolean, integer, long, mapping, one_of, read, string
from conductor.server.orkes.documents import Documents
from conductor.server.orkes.integration_kinds import CATEGORIES, KINDS, masked, unmasked
from conductor.server.orkes.prompts import Prompts
from conductor.server.orkes.tags import INTEGRATION, PROVIDER, Tags
from conductor.server.orkes.vault import Vault
from conductor.server.runtime.kernel import Kernel

Json = dict[str, Any]

_PROVIDER: Mapping[str, Reader] = {
    "name": string,
    "type": string,
    "category": one_of(*CATEGORIES),
    "description": string,
    "enabled": boolean,
    "configuration": mapping,
}
_API: Mapping[str, Reader] = {
    "api": string,
    "description": string,
    "enabled": boolean,
    "maxTokens": integer,
    "configuration": mapping,
}
_LIMIT: Mapping[str, Reader] = {"api": string, "maxTokens": long, "tokenLimitPeriod": one_of("DAY", "MONTH")}
#: Key of a document with its encrypted configuration.
_SEALED = "_configuration"
#: Maximum number of messages whose statistics are kept.
_MAX_EVENTS = 1000


class Integrations:
    """Stores providers, their models or APIs, token limits, and the use of tokens.

    Args:
        kernel: The server's state.
        tags: The tags.
        vault: Encrypts the configurations.
        prompts: The prompts.
    """

    def __init__(self, kernel: Kernel, tags: Tags, vault: Vault, prompts: Prompts) -> None:
        self._kernel, self._tags, self._vault, self._prompts = kernel, tags, vault, prompts
        self._providers = Documents(kernel, "orkes_integration")
        self._apis = Documents(kernel, "orkes_integration_api")
        self._kinds = Documents(kernel, "orkes_integration_kind")
        self._limits = Documents(kernel, "orkes_token_limit")
        self._usage = Documents(kernel, "orkes_token_usage")
        self._events = Documents(kernel, "orkes_integration_event")

    # -- providers

    def save_provider(self, name: str, given: Json, author: str) -> None:
        """Create or replace a provider.

        Raises:
            RefusedError: The name is empty, or the type of an existing provider changes (400); a field has the wrong
                type (500).
        """
        if not name.strip():
            raise RefusedError(400, "An integration must have a name")
        update = read(given, _PROVIDER)
        with self._kernel.change():
            known = self._providers.get(name) or {}
            kind = update.get("type") or known.get("type")
            if not (kind or "").strip():
                raise RefusedError(400, f"The integration {name} must have a type")
            if known and known.get("type") not in {None, kind}:
                raise RefusedError(400, f"The type of the integration {name} is {known['type']} and cannot change")
            made = {
                "name": name,
                "type": kind,
                "category": update.get("category") or known.get("category") or self._category_of(kind),
                "description": update.get("description"),
                "enabled": update.get("enabled") is not False,
            }
            self._put(self._providers, name, made, known, update.get("configuration"), author)

    def save_providers(self, given: list[Any], author: str) -> None:
        """Create or replace several providers with their APIs, or none of them if one is invalid."""
        with self._kernel.change():
            for one in given:
                update = read({"body": one}, {"body": mapping})["body"] or {}
                name = read(update, _PROVIDER).get("name") or ""
                self.save_provider(name, update, author)
                for api in update.get("apis") or []:
                    details = read({"api": api}, {"api": mapping})["api"] or {}
                    self.save_api(name, read(details, _API).get("api") or "", details, author)

    def _put(
        self, documents: Documents, key: str, made: Json, known: Json, configuration: Json | None, author: str
    ) -> None:
        now = self._kernel.context.now
        before = self._opened(known)
        after = unmasked(configuration, before) if configuration is not None else before
        made |= {
            "createTime": known.get("createTime", now),
            "createdBy": known.get("createdBy", author),
            "updateTime": now,
            "updatedBy": author,
            _SEALED: self._vault.seal(dumps(after).decode()),
        }
        documents.put(key, made)

    def _opened(self, document: Json) -> Json:
        sealed = document.get(_SEALED)
        found: Json = loads(self._vault.open(sealed)) if sealed else {}
        return found

    def _category_of(self, kind: str | None) -> str:
        found = self.kind(kind) if kind else None
        return str(found["category"]) if found else "API"

    def provider(self, name: str) -> Json:
        """Return a provider, without its secrets.

        Raises:
            RefusedError: It does not exist (404).
        """
        return self._shown(self._find(name))

    def _find(self, name: str) -> Json:
        found = self._providers.get(name)
        if found is None:
            raise RefusedError(404, f"No such integration found by name: {name}")
        return found

    def has_provider(self, name: str) -> bool:
        """Return whether a provider exists."""
        return self._providers.get(name) is not None

    def has_api(self, name: str) -> bool:
        """Return whether a model or API exists.

        Args:
            name: ``provider:api``.
        """
        return any(tag_name(one["integrationName"], one["api"]) == name for one in self._apis.all())

    def _shown(self, provider: Json) -> Json:
        name = provider["name"]
        shown = self._tags.shown(PROVIDER, name, self._masked(provider))
        return {**shown, "modelsCount": len(self._apis_of(name))}

    def _masked(self, document: Json) -> Json:
        plain = {key: value for key, value in document.items() if key != _SEALED and value is not None}
        return {**plain, "configuration": masked(self._opened(document))}

    def providers(self, category: str | None, *, active_only: bool) -> list[Json]:
        """Return the providers, or those of a category, sorted by name."""
        found = self._providers.where(lambda one: category in {None, "", one["category"]})
        return [self._shown(one) for one in found if one["enabled"] or not active_only]

    def with_apis(self, category: str | None, *, active_only: bool) -> list[Json]:
        """Return what ``providers`` returns, each with its models or APIs."""
        found = self.providers(category, active_only=active_only)
        return [{**one, "apis": self.apis(one["name"], active_only=active_only)} for one in found]

    def names(self, kind: str | None, *, active_only: bool) -> list[str]:
        """Return the name of each provider, and ``provider:api`` for each of its models or APIs."""
        found = []
        for provider in self.with_apis(None, active_only=active_only):
            if kind in {None, "", provider["type"], provider["category"]}:
                name = provider["name"]
                found += [name, *(f"{name}:{api['api']}" for api in provider["apis"])]
        return found

    def remove_provider(self, name: str) -> None:
        """Delete a provider with its models or APIs, tags and token limit.

        Raises:
            RefusedError: It does not exist (404).
        """
        with self._kernel.change():
            self._find(name)
            for api in self._apis_of(name):
                self._drop_api(name, api["api"])
            self._providers.drop(name)
            self._limits.drop(name)
            self._tags.forget(PROVIDER, name)

    # -- models and APIs

    def save_api(self, provider: str, api: str, given: Json, author: str) -> None:
        """Create or replace a model or API.

        Raises:
            RefusedError: The provider does not exist (404), the name is empty (400), or a field has the wrong type
                (500).
        """
        update = read(given, _API)
        with self._kernel.change():
            self._find(provider)
            if not api.strip():
                raise RefusedError(400, f"A model or API of the integration {provider} must have a name")
            known = self._apis.get(_key(provider, api)) or {}
            made = {
                "api": api,
                "integrationName": provider,
                "description": update.get("description"),
                "enabled": update.get("enabled") is not False,
            }
            if update.get("maxTokens") is not None:
                made["maxTokens"] = update["maxTokens"]
            self._put(self._apis, _key(provider, api), made, known, update.get("configuration"), author)

    def api(self, provider: str, api: str) -> Json:
        """Return a model or API, without its secrets.

        Raises:
            RefusedError: It or its provider does not exist (404).
        """
        return self._shown_api(self._find_api(provider, api))

    def _find_api(self, provider: str, api: str) -> Json:
        self._find(provider)
        found = self._apis.get(_key(provider, api))
        if found is None:
            raise RefusedError(404, f"The integration {provider} has no model or API {api}")
        return found

    def _shown_api(self, api: Json) -> Json:
        return self._tags.shown(INTEGRATION, tag_name(api["integrationName"], api["api"]), self._masked(api))

    def _apis_of(self, provider: str) -> list[Json]:
        return self._apis.where(lambda one: one["integrationName"] == provider)

    def apis(self, provider: str, *, active_only: bool) -> list[Json]:
        """Return the models or APIs of a provider.

        Raises:
            RefusedError: The provider does not exist (404).
        """
        self._find(provider)
        return [self._shown_api(one) for one in self._apis_of(provider) if one["enabled"] or not active_only]

    def remove_api(self, provider: str, api: str) -> None:
        """Delete a model or API with its tags.

        Raises:
            RefusedError: It or its provider does not exist (404).
        """
        with self._kernel.change():
            self._find_api(provider, api)
            self._drop_api(provider, api)

    def _drop_api(self, provider: str, api: str) -> None:
        self._apis.drop(_key(provider, api))
        self._tags.forget(INTEGRATION, tag_name(provider, api))

    # -- use

    def author(self, name: str) -> str:
        """Return the id of the principal that saved a provider last.

        Raises:
            RefusedError: It does not exist (404).
        """
        return str(self._find(name)["updatedBy"])

    def open(self, name: str, api: str | None = None) -> Json:
        """Return the whole configuration of an enabled provider, with its secrets and ``type``, to call it.

        Settings of the model or API take precedence. ``${workflow.secrets.NAME}`` in a setting is replaced.

        Args:
            name: The provider.
            api: The model or API, which must be enabled; None for the provider alone.

        Raises:
            RefusedError: The provider, or the model or API, does not exist (404) or is disabled (400).
        """
        with self._kernel.lock:
            provider = self._find(name)
            model = self._find_api(name, api) if api is not None else None
            for one, shown in ((provider, name), (model, f"{name}:{api}")):
                if one is not None and not one["enabled"]:
                    raise RefusedError(400, f"The integration {shown} is disabled")
            settings = {**self._opened(provider), **(self._opened(model) if model else {})}
            found: Json = substitute_secrets(settings, self._kernel.secrets)
            return {**found, "type": provider["type"], "category": provider["category"]}

    # -- prompts

    def prompts_of(self, provider: str, api: str) -> list[Json]:
        """Return the prompts that a model may use.

        Raises:
            RefusedError: The model does not exist (404).
        """
        self._find_api(provider, api)
        return self._prompts.of_model(f"{provider}:{api}")

    def allow_prompt(self, provider: str, api: str, prompt: str) -> None:
        """Allow a model to use a prompt.

        Raises:
            RefusedError: The model or the prompt does not exist (404).
        """
        self._find_api(provider, api)
        self._prompts.allow(prompt, f"{provider}:{api}")

    # -- kinds

    def kinds(self) -> list[Json]:
        """Return the kinds of integrations: the built-in ones, and registered ones, which take precedence."""
        registered = {one["name"]: one for one in self._kinds.all()}
        return list({**{one["name"]: one for one in KINDS}, **registered}.values())

    def kind(self, name: str) -> Json | None:
        """Return a kind of integration; None if it does not exist."""
        return next((one for one in self.kinds() if one["name"] == name), None)

    def register_kinds(self, given: list[Any]) -> None:
        """Register kinds of integrations, or none of them if one is invalid.

        Raises:
            RefusedError: One has no name (400) or a field of the wrong type (500).
        """
        with self._kernel.change():
            for one in given:
                found = read({"body": one}, {"body": mapping})["body"] or {}
                made = read(found, {"name": string, "type": string, "category": one_of(*CATEGORIES)})
                if not made.get("name"):
                    raise RefusedError(400, "A kind of integration must have a name")
                self._kinds.put(made["name"], {"category": "API", "type": made["name"], **made})

    # -- tokens

    def save_limit(self, provider: str, given: Json, author: str) -> None:
        """Store the token limit of a provider. It is not enforced.

        Raises:
            RefusedError: The provider does not exist (404), the limit is negative (400), or a field has the wrong type
                (500).
        """
        limit = read(given, _LIMIT)
        if (limit.get("maxTokens") or 0) < 0:
            raise RefusedError(400, "maxTokens must be 0 or more")
        with self._kernel.change() as context:
            self._find(provider)
            known = self._limits.get(provider) or {}
            made = {
                **{key: value for key, value in limit.items() if key in _LIMIT},
                "integrationName": provider,
                "createTime": known.get("createTime", context.now),
                "createdBy": known.get("createdBy", author),
                "updateTime": context.now,
                "updatedBy": author,
            }
            self._limits.put(provider, made)

    def limit(self, provider: str) -> Json | None:
        """Return the token limit of a provider; None without one.

        Raises:
            RefusedError: The provider does not exist (404).
        """
        self._find(provider)
        return self._limits.get(provider)

    def count_tokens(self, provider: str, api: str, prompt_tokens: int, completion_tokens: int) -> None:
        """Add the tokens that a call used to those of the day, in UTC."""
        with self._kernel.change() as context:
            day = from_epoch_ms(context.now).replace(hour=0, minute=0, second=0, microsecond=0)
            start = round(day.timestamp() * 1000)
            key = _key(_key(provider, api), str(start))
            known = self._usage.get(key) or {}
            made = {
                "integrationName": provider,
                "api": api,
                "periodStart": start,
                "promptTokens": known.get("promptTokens", 0) + prompt_tokens,
                "completionTokens": known.get("completionTokens", 0) + completion_tokens,
            }
            self._usage.put(key, {**made, "totalTokens": made["promptTokens"] + made["completionTokens"]})

    def usage(self, provider: str, model: str, days: int | None = None) -> list[Json]:
        """Return the tokens that a provider's models used, by model and day, the oldest first.

        Args:
            provider: The provider.
            model: The model; ``*`` for all.
            days: Only the last days; None for all.

        Raises:
            RefusedError: The provider does not exist (404).
        """
        self._find(provider)
        since = 0
        if days is not None:
            since = round((self._kernel.clock.now() - timedelta(days=min(max(days, 0), 36500))).timestamp() * 1000)
        found = self._usage.where(lambda one: one["integrationName"] == provider and model in {"*", one["api"]})
        return sorted((one for one in found if one["periodStart"] >= since), key=lambda one: one["periodStart"])

    def tokens_by_api(self, provider: str) -> dict[str, int]:
        """Return the number of tokens that each model of a provider has used.

        Raises:
            RefusedError: The provider does not exist (404).
        """
        found = dict.fromkeys((one["api"] for one in self._apis_of(provider)), 0)
        for one in self.usage(provider, "*"):
            found[one["api"]] = found.get(one["api"], 0) + one["totalTokens"]
        return found

    def tokens_of(self, provider: str, api: str) -> int:
        """Return the number of tokens that a model has used.

        Raises:
            RefusedError: The model does not exist (404).
        """
        self._find_api(provider, api)
        return self.tokens_by_api(provider)[api]

    # -- messages

    def record_events(self, kind: str, given: list[Any]) -> None:
        """Store the statistics of messages. No operation reads them; the oldest are dropped.

        Raises:
            RefusedError: The kind is neither SEND nor RECEIVE (400), or a message is not an object (500).
        """
        if kind not in {"SEND", "RECEIVE"}:
            raise RefusedError(400, f"The type of the messages must be SEND or RECEIVE, not {kind}")
        with self._kernel.change():
            for one in given:
                read({"body": one}, {"body": mapping})
            known = (self._events.get(kind) or {}).get("events", [])
            self._events.put(kind, {"events": [*known, *given][-_MAX_EVENTS:]})


def tag_name(provider: str, api: str) -> str:
    """Return the name under which the tags of a model or API are stored, as in grants."""
    return f"{provider}:{api}"


def _key(provider: str, api: str) -> str:
    """Return the name of a document that belongs to a provider; names can contain any character but this one."""
    return f"{provider}\n{api}"
