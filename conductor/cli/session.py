"""What all commands of one command line share: the server, and how answers are shown."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define

from conductor.clients.client import ConductorClient
from conductor.settings import Settings

__all__ = ["Session"]


@define
class Session:
    """One command line.

    Attributes:
        server: The server's address as it was given; None for that of the environment.
        output: ``text`` or ``json``.
        debug: Whether errors come with their tracebacks.
        words: The whole command line, without its first word.
    """

    server: str | None = None
    output: str = "text"
    debug: bool = False
    words: Sequence[str] = ()

    @property
    def is_json(self) -> bool:
        """Whether answers are shown as JSON."""
        return self.output == "json"

    def settings(self) -> Settings:
        """Where the server is.

        Raises:
            ConfigurationError: A setting cannot be used.
        """
        return Settings.from_env(server_url=self.server) if self.server else Settings.from_env()

    def client(self) -> ConductorClient:
        """A client, to be closed by a ``with`` statement.

        Raises:
            ConfigurationError: A setting cannot be used.
        """
        return ConductorClient(self.settings())
