"""The service registry (Orkes): HTTP, gRPC and MCP services that tasks call by name."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from conductor.clients._resource import Resource
from conductor.clients.checks import addressable, as_model
from conductor.errors import ConfigurationError
from conductor.models import (
    CircuitBreakerConfig,
    CircuitBreakerTransition,
    ProtoRegistryEntry,
    ServiceConfig,
    ServiceMethod,
    ServiceRegistry,
)
from conductor.transport.operation import Edition, Operation

__all__ = ["ServiceRegistryClient"]

_ORKES = Edition.ORKES
_MISPLACED = "circuitBreakerConfig"

LIST: Operation[list[ServiceRegistry]] = Operation(
    "GET", "/registry/service", list[ServiceRegistry], edition=_ORKES, on_empty=list
)
SAVE: Operation[None] = Operation("POST", "/registry/service", edition=_ORKES)
GET: Operation[ServiceRegistry] = Operation("GET", "/registry/service/{name}", ServiceRegistry, edition=_ORKES)
DELETE: Operation[None] = Operation("DELETE", "/registry/service/{name}", edition=_ORKES)
DISCOVER: Operation[list[ServiceMethod]] = Operation(
    "GET", "/registry/service/{name}/discover", list[ServiceMethod], edition=_ORKES, on_empty=list
)
SAVE_METHOD: Operation[None] = Operation("POST", "/registry/service/{registryName}/methods", edition=_ORKES)
DELETE_METHOD: Operation[None] = Operation("DELETE", "/registry/service/{registryName}/methods", edition=_ORKES)
OPEN_CIRCUIT: Operation[CircuitBreakerTransition] = Operation(
    "POST", "/registry/service/{name}/circuit-breaker/open", CircuitBreakerTransition, edition=_ORKES
)
CLOSE_CIRCUIT: Operation[CircuitBreakerTransition] = Operation(
    "POST", "/registry/service/{name}/circuit-breaker/close", CircuitBreakerTransition, edition=_ORKES
)
GET_CIRCUIT: Operation[CircuitBreakerTransition] = Operation(
    "GET", "/registry/service/{name}/circuit-breaker/status", CircuitBreakerTransition, edition=_ORKES
)
LIST_PROTOS: Operation[list[ProtoRegistryEntry]] = Operation(
    "GET", "/registry/service/protos/{registryName}", list[ProtoRegistryEntry], edition=_ORKES, on_empty=list
)
GET_PROTO: Operation[bytes] = Operation(
    "GET", "/registry/service/protos/{registryName}/{filename}", bytes, edition=_ORKES, on_empty=bytes
)
SAVE_PROTO: Operation[None] = Operation(
    "POST", "/registry/service/protos/{registryName}/{filename}", edition=_ORKES, sends="bytes"
)
DELETE_PROTO: Operation[None] = Operation(
    "DELETE", "/registry/service/protos/{registryName}/{filename}", edition=_ORKES
)


class ServiceRegistryClient(Resource):
    """The service registry (``client.services``, Orkes)."""

    def list(self) -> builtins.list[ServiceRegistry]:
        """All services (``GET /registry/service``)."""
        return self._call(LIST)

    def save(self, service: ServiceRegistry | Mapping[str, Any]) -> None:
        """Create or replace a service of type HTTP, gRPC or MCP_REMOTE (``POST /registry/service``).

        Its circuit breaker is configured under ``config.circuit_breaker_config``. Where guides show it at the top, as
        ``circuitBreakerConfig``, the server would drop it: it is put where it belongs.
        """
        checked = _with_config(as_model(service, ServiceRegistry))
        addressable(checked.name or "", "service")
        self._call(SAVE, body=checked)

    def get(self, name: str) -> ServiceRegistry:
        """A service (``GET /registry/service/{name}``)."""
        return self._call(GET, {"name": name})

    def delete(self, name: str) -> None:
        """Delete a service (``DELETE /registry/service/{name}``)."""
        self._call(DELETE, {"name": name})

    def discover(self, name: str, *, create: bool = False) -> builtins.list[ServiceMethod]:
        """The methods that a service says it has (``GET /registry/service/{name}/discover``).

        Args:
            name: The service.
            create: Add them to the registry.
        """
        return self._call(DISCOVER, {"name": name}, query={"create": create})

    def save_method(self, name: str, method: ServiceMethod | Mapping[str, Any]) -> None:
        """Add or replace a method (``POST /registry/service/{registryName}/methods``)."""
        self._call(SAVE_METHOD, {"registryName": name}, body=as_model(method, ServiceMethod))

    def delete_method(self, name: str, service_name: str, method: str, method_type: str) -> None:
        """Remove a method (``DELETE /registry/service/{registryName}/methods``).

        Args:
            name: The service's name in the registry.
            service_name: The method's service, as gRPC names it.
            method: The method's name.
            method_type: ``GET``, ``POST``, ``UNARY`` and so on.
        """
        query = {"serviceName": service_name, "method": method, "methodType": method_type}
        self._call(DELETE_METHOD, {"registryName": name}, query=query)

    # -- circuit breaker

    def open_circuit_breaker(self, name: str) -> CircuitBreakerTransition:
        """Let no calls through (``POST /registry/service/{name}/circuit-breaker/open``)."""
        return self._call(OPEN_CIRCUIT, {"name": name})

    def close_circuit_breaker(self, name: str) -> CircuitBreakerTransition:
        """Let calls through again (``POST /registry/service/{name}/circuit-breaker/close``)."""
        return self._call(CLOSE_CIRCUIT, {"name": name})

    def get_circuit_breaker(self, name: str) -> CircuitBreakerTransition:
        """The circuit breaker's state (``GET /registry/service/{name}/circuit-breaker/status``)."""
        return self._call(GET_CIRCUIT, {"name": name})

    # -- proto files of gRPC services

    def list_protos(self, name: str) -> builtins.list[ProtoRegistryEntry]:
        """A service's proto files (``GET /registry/service/protos/{registryName}``)."""
        return self._call(LIST_PROTOS, {"registryName": name})

    def get_proto(self, name: str, filename: str) -> bytes:
        """A proto file's content (``GET /registry/service/protos/{registryName}/{filename}``)."""
        return self._call(GET_PROTO, {"registryName": name, "filename": filename})

    def save_proto(self, name: str, filename: str, content: bytes) -> None:
        """Store a compiled proto file (``POST /registry/service/protos/{registryName}/{filename}``)."""
        self._call(SAVE_PROTO, {"registryName": name, "filename": filename}, body=content)

    def delete_proto(self, name: str, filename: str) -> None:
        """Delete a proto file (``DELETE /registry/service/protos/{registryName}/{filename}``)."""
        self._call(DELETE_PROTO, {"registryName": name, "filename": filename})


def _with_config(service: ServiceRegistry) -> ServiceRegistry:
    if _MISPLACED not in service.unknown_fields:
        return service
    if service.config is not None and service.config.circuit_breaker_config is not None:
        raise ConfigurationError(
            f"The service {service.name!r} has two circuit breakers, in config and beside it: give the one in config.",
            variable=_MISPLACED,
            allowed="config.circuitBreakerConfig",
        )
    others = {name: value for name, value in service.unknown_fields.items() if name != _MISPLACED}
    breaker = as_model(service.unknown_fields[_MISPLACED], CircuitBreakerConfig)
    config = evolve(service.config or ServiceConfig(), circuit_breaker_config=breaker)
    return evolve(service, config=config, unknown_fields=others)
