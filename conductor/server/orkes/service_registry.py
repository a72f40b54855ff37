"""The registry of remote services: their methods, proto files and circuit breakers, and HTTP tasks that call them."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from conductor.models.codec import dumps, loads
from conductor.server.engine.context import RefusedError
from conductor.server.engine.json_fields import Reader, boolean, list_of, mapping, one_of, read, record, string
from conductor.server.orkes.circuit_breaker import CLOSED, DEFAULTS, NOT_FOUND, OPEN, Breaker
from conductor.server.orkes.documents import Documents
from conductor.server.orkes.integration_kinds import MASK
from conductor.server.orkes.mcp import McpClient
from conductor.server.orkes.model_api import Endpoint, Exchange, ModelError
from conductor.server.orkes.service_discovery import Discovery, read_descriptors, read_openapi
from conductor.server.orkes.vault import Vault
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.http_calls import Outcome

Json = dict[str, Any]

HTTP, GRPC, MCP = "HTTP", "gRPC", "MCP_REMOTE"
_METHOD: Mapping[str, Reader] = {
    "operationName": string,
    "methodName": string,
    "methodType": string,
    "inputType": string,
    "outputType": string,
    "exampleInput": mapping,
    "requestParams": list_of(mapping),
}
_SERVICE: Mapping[str, Reader] = {
    "name": string,
    "type": one_of(HTTP, GRPC, MCP),
    "serviceURI": string,
    "methods": list_of(record(_METHOD)),
    "requestParams": list_of(mapping),
    "config": record({"circuitBreakerConfig": mapping}),
    "circuitBreakerEnabled": boolean,
    "authMetadata": record({"key": string, "value": string}),
    "servers": list_of(record({"url": string, "type": string})),
}
#: Key of a document with the encrypted value of its authorization.
_SEALED = "_authorization"
#: Milliseconds to connect to a service for its description, and to wait for it.
_DISCOVERY_MS = 30_000
#: The highest rate of failed or slow calls.
_MAX_PERCENT = 100
_DISCOVERED = "OPENAPI_SPEC"
#: Status that is not a success: discovery of gRPC services by reflection is not available.
_NOT_IMPLEMENTED = 501


class ServiceRegistry:
    """Stores services and calls them.

    Args:
        kernel: The server's state.
        vault: Encrypts the authorization of services.
        exchange: Makes an HTTP exchange.

    Attributes:
        save_schemas: Stores the schemas that a discovery finds, for an author.
    """

    def __init__(self, kernel: Kernel, vault: Vault, exchange: Exchange) -> None:
        self._kernel, self._vault, self._exchange = kernel, vault, exchange
        self._services = Documents(kernel, "orkes_service")
        self._protos = Documents(kernel, "orkes_proto")
        self._breakers = Documents(kernel, "orkes_circuit_breaker")
        self.save_schemas: Callable[[list[Json], str], None] = lambda _, __: None

    # -- services

    def save(self, given: Json) -> None:
        """Create or replace a service. Without ``methods``, a replaced service keeps its methods.

        Raises:
            RefusedError: The name is empty, a method is incomplete, or the circuit breaker's configuration is out of
                range (400); a field has the wrong type (500).
        """
        made = {key: value for key, value in read(given, _SERVICE).items() if value is not None}
        name = made.get("name") or ""
        if not name.strip():
            raise RefusedError(400, "A service must have a name")
        with self._kernel.change():
            known = self._services.get(name) or {}
            configured = (made.get("config") or {}).get("circuitBreakerConfig") or {}
            made["config"] = {**(made.get("config") or {}), "circuitBreakerConfig": _checked_config(configured)}
            made.setdefault("type", HTTP)
            methods = made.get("methods")
            made["methods"] = known.get("methods", []) if methods is None else []
            for method in methods or []:
                _add_method(made["methods"], method or {})
            secret = (made.get("authMetadata") or {}).get("value")
            if secret == MASK and _SEALED in known:
                made[_SEALED] = known[_SEALED]
            elif secret is not None:
                made[_SEALED] = self._vault.seal(secret)
            if _SEALED in made:
                made["authMetadata"] = {**made["authMetadata"], "value": MASK}
            self._services.put(name, made)

    def all(self) -> list[Json]:
        """Return all services, without their authorizations."""
        return [{key: value for key, value in one.items() if key != _SEALED} for one in self._services.all()]

    def get(self, name: str) -> Json | None:
        """Return a service as it was saved, with its authorization; None if it does not exist."""
        found = self._services.get(name)
        if found is None:
            return None
        shown = {key: value for key, value in found.items() if key != _SEALED}
        if _SEALED in found:
            shown["authMetadata"] = {**found["authMetadata"], "value": self._vault.open(found[_SEALED])}
        return shown

    def _find(self, name: str) -> Json:
        found = self._services.get(name)
        if found is None:
            raise RefusedError(404, f"No such service found by name: {name}")
        return found

    def remove(self, name: str) -> None:
        """Delete a service with its proto files and circuit breaker, if it exists."""
        with self._kernel.change():
            self._services.drop(name)
            self._breakers.drop(name)
            for proto in self._protos.where(lambda one: one["serviceName"] == name):
                self._protos.drop(_key(name, proto["filename"]))

    # -- methods

    def save_method(self, name: str, given: Json) -> None:
        """Add a method to a service, or replace the one with the same operation, method and type.

        Raises:
            RefusedError: The service does not exist (404), or the method has no name (400).
        """
        method = read(given, _METHOD)
        with self._kernel.change():
            service = self._find(name)
            methods = list(service["methods"])
            _add_method(methods, method)
            self._services.put(name, {**service, "methods": methods})

    def remove_method(self, name: str, operation: str, method: str, kind: str) -> None:
        """Remove a method from a service.

        Raises:
            RefusedError: The service or the method does not exist (404).
        """
        with self._kernel.change():
            service = self._find(name)
            kept = [one for one in service["methods"] if _identity(one) != (operation, method, kind)]
            if len(kept) == len(service["methods"]):
                raise RefusedError(404, f"The service {name} has no method {kind} {method} ({operation})")
            self._services.put(name, {**service, "methods": kept})

    def discover(self, name: str, author: str, *, create: bool) -> list[Json]:
        """Return the methods that a service offers.

        Args:
            name: The service.
            author: The id of the user or application.
            create: Whether to store the methods and their schemas; they replace methods of the same name.

        Raises:
            RefusedError: The service does not exist (404), its description cannot be read (400), or it is a gRPC
                service without proto files (501).
        """
        service = self.get(name)
        if service is None:
            raise RefusedError(404, f"No such service found by name: {name}")
        found = self._discovered(service)
        if create:
            with self._kernel.change():
                known = self._find(name)
                methods = list(known["methods"])
                for method in found.methods:
                    _add_method(methods, method)
                own = [one for one in known.get("servers") or [] if one.get("type") != _DISCOVERED]
                servers = [*own, *({"url": url, "type": _DISCOVERED} for url in found.servers)]
                self._services.put(name, {**known, "methods": methods, **({"servers": servers} if servers else {})})
                if found.schemas:
                    schemas = [{"name": key, "type": "JSON", "data": one} for key, one in found.schemas.items()]
                    self.save_schemas(schemas, author)
        return found.methods

    def _discovered(self, service: Json) -> Discovery:
        kind, uri = service["type"], service.get("serviceURI") or ""
        if kind == GRPC:
            files = self._protos.where(lambda one: one["serviceName"] == service["name"])
            methods = [one for file in files for one in read_descriptors(base64.b64decode(file["data"]))]
            if not methods:
                raise RefusedError(
                    _NOT_IMPLEMENTED,
                    "The embedded server does not discover gRPC services by reflection; upload a descriptor set",
                )
            return Discovery(methods)
        headers = _authorization(service)
        if kind == MCP:
            client = McpClient(Endpoint.of(service["name"], {"endpoint": uri, "headers": headers}), self._exchange)
            try:
                tools = client.list_tools()
            except ModelError as error:
                raise RefusedError(400, str(error)) from None
            return Discovery([
                {"operationName": one["name"], "methodName": one["name"], "methodType": "TOOL", "requestParams": []}
                for one in tools
            ])  # fmt: skip
        answer, fault = self._exchange({
            "method": "GET",
            "uri": uri,
            "headers": headers,
            "connectionTimeOut": _DISCOVERY_MS,
            "readTimeOut": _DISCOVERY_MS,
        })  # fmt: skip
        if answer is None:
            reason = fault.removeprefix("java.lang.Exception: ")
            raise RefusedError(400, f"The description of the service {service['name']} cannot be read: {reason}")
        body = answer["body"]
        if isinstance(body, str):
            try:
                body = loads(body)
            except ValueError:
                body = None
        return read_openapi(body, uri)

    # -- proto files

    def save_proto(self, name: str, file: str, content: bytes) -> None:
        """Store a compiled descriptor set of a service, and add its methods to the service.

        Raises:
            RefusedError: The service does not exist (404), or the file is not a compiled descriptor set (400).
        """
        with self._kernel.change():
            service = self._find(name)
            methods = list(service["methods"])
            for method in read_descriptors(content):
                _add_method(methods, method)
            self._services.put(name, {**service, "methods": methods})
            data = base64.b64encode(content).decode()
            self._protos.put(_key(name, file), {"serviceName": name, "filename": file, "data": data})

    def proto(self, name: str, file: str) -> bytes:
        """Return a file of a service.

        Raises:
            RefusedError: It does not exist (404).
        """
        found = self._protos.get(_key(name, file))
        if found is None:
            raise RefusedError(404, f"The service {name} has no file {file}")
        return base64.b64decode(found["data"])

    def protos(self, name: str) -> list[Json]:
        """Return the files of a service, with their contents in Base64."""
        return self._protos.where(lambda one: one["serviceName"] == name)

    def remove_proto(self, name: str, file: str) -> None:
        """Delete a file of a service, if it exists; methods that came from it stay."""
        self._protos.drop(_key(name, file))

    # -- circuit breakers

    def breaker_status(self, name: str) -> Json:
        """Return the state of a service's circuit breaker; the state is NOT_FOUND before the first call."""
        breaker = self._breaker(name)
        if breaker is None:
            message = f"No active circuit breaker for service: {name}. Execute a request through the service first."
            return {
                "service": name,
                "previousState": NOT_FOUND,
                "currentState": NOT_FOUND,
                "transitionTimestamp": 0,
                "message": message,
            }
        return _shown(name, breaker, f"The circuit breaker of {name} is {breaker.state}")

    def move_breaker(self, name: str, *, is_open: bool) -> Json:
        """Open or close a service's circuit breaker.

        Raises:
            RefusedError: No call has been made through the service (404).
        """
        with self._kernel.change() as context:
            breaker = self._breaker(name)
            if breaker is None:
                raise RefusedError(404, f"No active circuit breaker for service: {name}")
            state = OPEN if is_open else CLOSED
            moved = breaker.moved(state, context.now)
            self._breakers.put(name, moved.as_document())
            return _shown(name, moved, f"The circuit breaker of {name} is {state} now")

    def _breaker(self, name: str) -> Breaker | None:
        """Return the present state of a circuit breaker."""
        document, service = self._breakers.get(name), self._services.get(name)
        if document is None or service is None:
            return None
        return Breaker.from_document(document).at(self._kernel.clock.now_ms(), _config(service))

    # -- calls

    def call(self, request: Json, exchange: Callable[[Json], Outcome]) -> Outcome:
        """Make the call of an HTTP task, through the registered service that ``service`` names, if it does.

        A relative address begins at the service's server. The service's authorization is added. While the circuit
        breaker is open, the call fails at once.

        Args:
            request: The task's ``http_request``.
            exchange: Makes the call.

        Returns:
            The response, or None and the reason of the failure.
        """
        name = request.get("service")
        service = self.get(name) if isinstance(name, str) and name else None
        if service is None or not isinstance(name, str):
            return exchange(request)
        made = {**request, "uri": _absolute(service, request["uri"])}
        made["headers"] = {**_authorization(service), **(request.get("headers") or {})}
        if service.get("circuitBreakerEnabled") is False:
            return exchange(made)
        config = _config(service)
        if not self._permits(name, config):
            return None, f"CircuitBreaker '{name}' is OPEN and does not permit further calls"
        begin = time.monotonic()  # real time: a frozen clock would make every call take no time
        found, fault = exchange(made)
        duration_ms = (time.monotonic() - begin) * 1000
        self._record(name, config, failed=found is None, duration_ms=duration_ms)
        return found, fault

    def _permits(self, name: str, config: Json) -> bool:
        with self._kernel.lock:
            if self._kernel.is_closed:
                return False
            with self._kernel.change() as context:
                breaker = self._breaker(name) or Breaker()
                after, is_permitted = breaker.before_call(context.now, config)
                self._breakers.put(name, after.as_document())
                return is_permitted

    def _record(self, name: str, config: Json, *, failed: bool, duration_ms: float) -> None:
        with self._kernel.lock:
            if self._kernel.is_closed:
                return
            with self._kernel.change() as context:
                breaker = self._breaker(name)
                if breaker is not None:  # the service may have been deleted meanwhile
                    after = breaker.after_call(context.now, config, failed=failed, duration_ms=duration_ms)
                    self._breakers.put(name, after.as_document())


def _key(name: str, file: str) -> str:
    return f"{name}\n{file}"


def _identity(method: Json) -> tuple[Any, Any, Any]:
    return method.get("operationName"), method.get("methodName"), method.get("methodType")


def _add_method(methods: list[Json], given: Json) -> None:
    """Add a method to a list, or replace the one with the same operation, method and type."""
    if not given.get("methodName") and not given.get("operationName"):
        raise RefusedError(400, "A method must have a methodName or an operationName")
    same = next((index for index, one in enumerate(methods) if _identity(one) == _identity(given)), None)
    number = max((one["id"] for one in methods), default=0) + 1 if same is None else methods[same]["id"]
    made = {"requestParams": [], **{key: value for key, value in given.items() if value is not None}, "id": number}
    if same is None:
        methods.append(made)
    else:
        methods[same] = made


def _checked_config(given: Json) -> Json:
    """Return a circuit breaker's configuration with the defaults.

    Raises:
        RefusedError: A value has the wrong type or is out of range (400).
    """
    made = {**DEFAULTS, **{key: value for key, value in given.items() if value is not None}}
    for key, default in DEFAULTS.items():
        value = made[key]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if isinstance(default, bool):
            if not isinstance(value, bool):
                raise RefusedError(400, f"{key} must be true or false, not {dumps(value).decode()}")
        elif not is_number or value < 0 or (key.endswith("Threshold") and "Rate" in key and value > _MAX_PERCENT):
            raise RefusedError(400, f"{key} is out of range: {dumps(value).decode()}")
    if made["slidingWindowSize"] < 1:
        raise RefusedError(400, "slidingWindowSize must be 1 or more")
    return made


def _config(service: Json) -> Json:
    config: Json = service["config"]["circuitBreakerConfig"]
    return {**config, "slidingWindowSize": int(config["slidingWindowSize"])}


def _authorization(service: Json) -> dict[str, str]:
    given = service.get("authMetadata") or {}
    return {given["key"]: given["value"]} if given.get("key") and given.get("value") else {}


def _absolute(service: Json, uri: str) -> str:
    """Return the address of a call; a path is appended to the first server of the service."""
    if urlsplit(uri).scheme:
        return uri
    servers = [one["url"] for one in service.get("servers") or [] if one.get("url")]
    base = servers[0] if servers else urljoin(service.get("serviceURI") or "", "/")
    return f"{base.rstrip('/')}/{uri.lstrip('/')}"


def _shown(name: str, breaker: Breaker, message: str) -> Json:
    return {
        "service": name,
        "previousState": breaker.previous,
        "currentState": breaker.state,
        "transitionTimestamp": breaker.since,
        "message": message,
    }
