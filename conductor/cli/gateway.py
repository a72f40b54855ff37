"""``conductor gateway``: authentication of the API gateway, and the service registry behind it (Orkes)."""

from __future__ import annotations

from typing import Any

import click

from conductor.cli.command import Group
from conductor.cli.output import confirm, row_of, say, show_json, show_rows
from conductor.cli.session import Session
from conductor.cli.values import json_object

__all__ = ["command"]

_YES = click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
_CONFIG = click.argument("config", type=json_object, metavar="JSON|@FILE|-")


@click.group("gateway", cls=Group)
def command() -> None:
    """Manage the API gateway and its services (Orkes)."""


@command.group("auth", cls=Group)
def auth() -> None:
    """Manage authentication configurations of the API gateway."""


@auth.command("list")
@click.pass_obj
def list_auth(session: Session) -> None:
    """List authentication configurations."""
    with session.client() as client:
        found = client.gateway.list_auth_configs()
    show_rows(session, found, ("id", "authenticationType", "applicationId"), empty="No configurations found.")


@auth.command("get")
@click.argument("config_id", metavar="ID")
@click.pass_obj
def get_auth(session: Session, config_id: str) -> None:
    """Print an authentication configuration as JSON."""
    with session.client() as client:
        show_json(client.gateway.get_auth_config(config_id))


@auth.command("create")
@_CONFIG
@click.pass_obj
def create_auth(session: Session, config: dict[str, Any]) -> None:
    """Create an authentication configuration."""
    with session.client() as client:
        show_json(client.gateway.create_auth_config(config))


@auth.command("update")
@click.argument("config_id", metavar="ID")
@_CONFIG
@click.pass_obj
def update_auth(session: Session, config_id: str, config: dict[str, Any]) -> None:
    """Replace an authentication configuration."""
    with session.client() as client:
        show_json(client.gateway.update_auth_config(config_id, config))


@auth.command("delete")
@click.argument("config_id", metavar="ID")
@_YES
@click.pass_obj
def delete_auth(session: Session, config_id: str, yes: bool) -> None:
    """Delete an authentication configuration."""
    if not yes:
        confirm(f"Delete authentication configuration {config_id}?")
    with session.client() as client:
        client.gateway.delete_auth_config(config_id)
    say(f"Deleted authentication configuration {config_id}")


@command.group("service", cls=Group)
def service() -> None:
    """Manage services of the registry: HTTP, gRPC and MCP."""


@service.command("list")
@click.pass_obj
def list_services(session: Session) -> None:
    """List services."""
    with session.client() as client:
        found = client.services.list()
    rows = [row_of(session, one, {"name": one.name, "type": one.type, "uri": one.service_uri}) for one in found]
    show_rows(session, rows, ("name", "type", "uri"), empty="No services found.")


@service.command("get")
@click.argument("name", metavar="NAME")
@click.pass_obj
def get_service(session: Session, name: str) -> None:
    """Print a service with its methods as JSON."""
    with session.client() as client:
        show_json(client.services.get(name).to_dict())


@service.command("save")
@_CONFIG
@click.pass_obj
def save_service(session: Session, config: dict[str, Any]) -> None:
    """Create a service, or replace the one with the same name."""
    with session.client() as client:
        client.services.save(config)
    say(f"Saved service {config.get('name')}")


@service.command("delete")
@click.argument("name", metavar="NAME")
@_YES
@click.pass_obj
def delete_service(session: Session, name: str, yes: bool) -> None:
    """Delete a service."""
    if not yes:
        confirm(f"Delete service {name}?")
    with session.client() as client:
        client.services.delete(name)
    say(f"Deleted service {name}")


@service.command("discover")
@click.argument("name", metavar="NAME")
@click.option("--create", is_flag=True, help="Add the discovered methods to the service.")
@click.pass_obj
def discover(session: Session, name: str, create: bool) -> None:
    """List the methods that a service reports."""
    with session.client() as client:
        found = client.services.discover(name, create=create)
    rows = [
        row_of(session, one, {"name": one.operation_name, "method": one.method_name, "type": one.method_type})
        for one in found
    ]
    show_rows(session, rows, ("name", "method", "type"), empty="No methods were discovered.")
