"""The server that a command uses, and the output format."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from attrs import define, field, frozen

from conductor.cli.exits import Misused
from conductor.clients.client import ConductorClient
from conductor.errors import ConfigurationError
from conductor.settings import Settings
from conductor.transport.operation import RetryPolicy

__all__ = ["Profile", "ProfileStore", "Session"]

#: The profiles file holds secrets: only its owner reads and writes it.
_FILE_MODE = 0o600
#: Mode of the folder: profiles contain access keys, so only the user may list and enter it.
_FOLDER_MODE = 0o700


@frozen
class Profile:
    """One named server.

    Attributes:
        server_url: The server's address.
        auth_key: The access key's id; None for a server without authentication.
        auth_secret: The access key's secret, if it is stored in the file.
        auth_secret_env: The environment variable that holds the secret, if it is not stored in the file.
    """

    server_url: str
    auth_key: str | None = None
    auth_secret: str | None = field(default=None, repr=lambda value: "'***'" if value else "None")
    auth_secret_env: str | None = None

    def settings(self, environment: Mapping[str, str] | None = None) -> Settings:
        """Return the settings of a client for this server.

        Raises:
            ConfigurationError: ``auth_secret_env`` names a variable that is not set, or a value is invalid.
        """
        environment = os.environ if environment is None else environment
        secret = self.auth_secret
        if self.auth_secret_env:
            secret = environment.get(self.auth_secret_env)
            if not secret:
                raise ConfigurationError(
                    f"The profile takes its secret from {self.auth_secret_env}, which is not set. Set it, or store the "
                    "secret in the profile: conductor profile add --overwrite.",
                    variable=self.auth_secret_env,
                    allowed="the access key's secret",
                )
        # The profile's own values alone: a key of the environment belongs to the server of the environment.
        others = {name: value for name, value in environment.items() if not name.startswith("CONDUCTOR_AUTH_")}
        return Settings.from_env(others, server_url=self.server_url, auth_key=self.auth_key, auth_secret=secret)


@define
class ProfileStore:
    """The profiles of this user.

    Attributes:
        path: The file: ``CONDUCTOR_PROFILES_FILE``, or ``conductor/profiles.json`` in the user's configuration folder.
        profiles: By name.
        default: The profile that is used if neither an option nor the environment selects a server.
    """

    path: Path
    profiles: dict[str, Profile] = field(factory=dict)
    default: str | None = None

    @classmethod
    def load(cls) -> ProfileStore:
        """Read the file; a missing file has no profiles.

        Raises:
            Misused: The file cannot be read.
        """
        path = _path()
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            profiles = {name: Profile(**values) for name, values in held["profiles"].items()}
            return cls(path, profiles, held.get("default"))
        except FileNotFoundError:
            return cls(path)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Misused(
                f"Cannot read the profiles in {path}: {type(error).__name__}. Fix the file, or remove it."
            ) from None

    def save(self) -> None:
        """Write the file: readable by its owner only, and replaced as a whole."""
        self.path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        held = {
            "default": self.default,
            "profiles": {
                name: attrs.asdict(profile, filter=lambda _, value: value is not None)
                for name, profile in sorted(self.profiles.items())
            },
        }
        with _replacing(self.path) as file:
            file.write(json.dumps(held, indent=2) + "\n")

    def get(self, name: str) -> Profile:
        """Return a profile.

        Raises:
            Misused: The profile does not exist.
        """
        if name in self.profiles:
            return self.profiles[name]
        known = ", ".join(sorted(self.profiles))
        remedy = f"Known profiles: {known}." if known else f"Add it: conductor profile add {name} --server URL."
        raise Misused(f"Profile {name!r} does not exist. {remedy}")


def _path() -> Path:
    if named := os.environ.get("CONDUCTOR_PROFILES_FILE"):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "conductor" / "profiles.json"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "conductor" / "profiles.json"


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Any]:
    """Open a private temporary file that replaces ``path`` when it is complete."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            yield file
        Path(temporary).chmod(_FILE_MODE)
        Path(temporary).replace(path)
    except BaseException:  # including Ctrl-C: no partly written file remains
        Path(temporary).unlink(missing_ok=True)
        raise


@define
class Session:
    """One command line.

    Attributes:
        server: The value of ``--server``; None if it was not given.
        profile: The value of ``--profile``; None if it was not given.
        output: ``text`` or ``json``.
        debug: Whether errors are shown with their tracebacks.
        words: The command line without its first word.
    """

    server: str | None = None
    profile: str | None = None
    output: str = "text"
    debug: bool = False
    words: Sequence[str] = ()

    @property
    def is_json(self) -> bool:
        """Return whether results are shown as JSON."""
        return self.output == "json"

    def settings(self) -> Settings:
        """Return the settings of the selected server.

        The order of precedence: ``--server``, ``--profile``, ``CONDUCTOR_PROFILE``, ``CONDUCTOR_SERVER_URL``, the
        default profile, ``http://localhost:8080/api``. With ``--server`` the access key is that of the environment.

        Raises:
            ConfigurationError: A setting is invalid.
            Misused: The profile does not exist, or the profiles cannot be read.
        """
        if self.server:
            return Settings.from_env(server_url=self.server)
        name = self.profile or os.environ.get("CONDUCTOR_PROFILE", "").strip()
        if name:
            return ProfileStore.load().get(name).settings()
        if not os.environ.get("CONDUCTOR_SERVER_URL", "").strip():
            store = ProfileStore.load()
            if store.default in store.profiles:
                return store.profiles[store.default].settings()
        return Settings.from_env()

    def explain(self, error: Exception) -> str:
        """Return the message of an error, with the option that selected the server instead of the variable."""
        name = self.profile or os.environ.get("CONDUCTOR_PROFILE", "").strip()
        if self.server:
            source = "--server"
        elif name:
            source = f"profile {name!r}"
        elif os.environ.get("CONDUCTOR_SERVER_URL", "").strip() or not ProfileStore.load().default:
            source = "CONDUCTOR_SERVER_URL"
        else:
            source = "the default profile"
        return str(error).replace("check CONDUCTOR_SERVER_URL, which is", f"check {source}, which is")

    def client(self) -> ConductorClient:
        """Return a client for the selected server, to be closed by a ``with`` statement.

        Raises:
            ConfigurationError: A setting is invalid.
            Misused: The profile does not exist, or the profiles cannot be read.
        """
        # A refused connection is not retried, so that the user sees the error immediately.
        return ConductorClient(self.settings(), retry=RetryPolicy(first_refusal_retries=0))
