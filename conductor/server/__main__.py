"""``python -m conductor.server``: run a server until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from conductor._internal.platforms import stop_signals
from conductor._internal.suggestions import did_you_mean
from conductor.errors import ConductorError, ConfigurationError
from conductor.server import start
from conductor.server.address import port_number
from conductor.server.oss.download import VERSION
from conductor.server.oss.launch import start_oss_server
from conductor.server.ui.serve import main as page_command

#: Exit statuses: stopped, wrong usage or setting, the server failed.
_STOPPED, _USAGE_ERROR, _FAILED = 0, 2, 3
#: Seconds between checks whether the server is running.
_POLL_INTERVAL_S = 0.2
#: Seconds after which a running thread lets others run: short, because many threads serve requests.
_SWITCH_INTERVAL_S = 0.001
_KEYS = "CONDUCTOR_SERVER_KEYS"


class RunningServer(Protocol):
    """A server of any engine."""

    @property
    def summary(self) -> str:
        """A description of the server, for the line that reports it as ready."""

    @property
    def address(self) -> str:
        """Scheme, host and port."""

    @property
    def url(self) -> str:
        """The address of the API."""

    @property
    def failure_hint(self) -> str:
        """Where to find the reason if the server stopped unexpectedly."""

    @property
    def is_running(self) -> bool:
        """Whether the server is running."""

    def wait(self) -> int:
        """Wait until the server has stopped, and return its exit status."""

    def stop(self) -> None:
        """Stop the server; returns when its port is free."""


def _start_oss(arguments: argparse.Namespace) -> RunningServer:
    return start_oss_server(
        arguments.port,
        arguments.dir,
        host=arguments.host,
        version=arguments.server_version,
        ready_timeout=arguments.ready_timeout,
        java=arguments.java,
        jar=arguments.jar,
        cache_dir=arguments.cache_dir,
        properties=dict(arguments.property),
        heap=arguments.heap,
        backend=arguments.backend,
        url=arguments.url,
    )


def _start_embedded(arguments: argparse.Namespace) -> RunningServer:
    database = arguments.db
    if database is None and arguments.dir is not None:
        folder = Path(arguments.dir)
        folder.mkdir(parents=True, exist_ok=True)
        database = folder / "conductor.db"
    keys = _keys(os.environ.get(_KEYS, ""))
    return start(
        arguments.port,
        database,
        host=arguments.host,
        keys=keys,
        strict=arguments.strict,
        edition=arguments.edition,
        enforce_permissions=not arguments.no_permissions,
    )


def _keys(text: str) -> dict[str, str]:
    pairs = [pair.strip().partition(":") for pair in text.split(",") if pair.strip()]
    if not all(key and secret for key, _, secret in pairs):
        raise ConfigurationError(
            f"{_KEYS} is invalid; it must be ID:SECRET, or several of these separated by commas.",
            variable=_KEYS,
            allowed="id:secret,id:secret",
        )
    return {key: secret for key, _, secret in pairs}


_ENGINES: dict[str, Callable[[argparse.Namespace], RunningServer]] = {"embedded": _start_embedded, "oss": _start_oss}

#: Options that only one engine has.
_ONLY = {
    "embedded": ("db", "strict", "edition", "no_permissions"),
    "oss": ("backend", "url", "ready_timeout", "property", "heap", "java", "cache_dir", "server_version", "jar"),
}


def main(argv: Sequence[str] | None = None, *, command: str = "python -m conductor.server") -> int:
    """Run the command line, and return the exit status.

    Args:
        argv: The arguments; by default those of the process.
        command: The name of the command in its help and in usage errors.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    for number in stop_signals():
        signal.signal(number, signal.default_int_handler)  # stops the server like Ctrl-C, even while it starts
    if argv[:1] == ["ui"]:
        return page_command(argv[1:], command=f"{command} ui")
    parser = _parser(command)
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        known = re.findall(r"--[\w-]+", parser.format_help())
        parser.error(f"unknown argument: {unknown[0]}{did_you_mean(unknown[0].partition('=')[0], known)}")
    if ignored := _ignored_options(parser, arguments):
        parser.error(f"{', '.join(ignored)}: not available with --engine {arguments.engine}")
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    logging.basicConfig(level=arguments.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
    try:
        return _run(_ENGINES[arguments.engine], arguments)
    except KeyboardInterrupt:
        return _STOPPED
    except ConfigurationError as error:
        return _report(str(error), _USAGE_ERROR)
    except ConductorError as error:
        return _report(str(error), _FAILED)


def _ignored_options(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> list[str]:
    """Return the options that the engine would ignore."""
    others = {name for engine, names in _ONLY.items() if engine != arguments.engine for name in names}
    given = {name for name in others if getattr(arguments, name) != parser.get_default(name)}
    return sorted("--" + name.replace("_", "-") for name in given)


def _run(start: Callable[[argparse.Namespace], RunningServer], arguments: argparse.Namespace) -> int:
    server = start(arguments)
    try:
        print(
            f"Conductor is ready at {server.url} ({server.summary}); Ctrl-C stops it",
            flush=True,
        )
        while server.is_running:
            time.sleep(_POLL_INTERVAL_S)
        status = server.wait()
        return _report(f"The server stopped unexpectedly with exit status {status}; {server.failure_hint}", _FAILED)
    finally:
        for number in stop_signals():
            signal.signal(number, signal.SIG_IGN)  # a second signal must not interrupt the shutdown
        server.stop()


def _report(message: str, status: int) -> int:
    sys.stderr.write(f"{message}\n")
    return status


def _property(argument: str) -> tuple[str, str]:
    name, found, value = argument.partition("=")
    if not found or not name:
        raise argparse.ArgumentTypeError(f"{argument!r} is not of the form NAME=VALUE")
    return name, value


def _parser(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=command,
        usage="%(prog)s [options]",
        description="Run a Conductor server on this machine until Ctrl-C or SIGTERM.",
        epilog="Exit status: 0 stopped on request, 2 wrong usage or setting, 3 the server did not start or stopped "
        "unexpectedly. On an address that other machines can reach, the embedded server needs keys: "
        f"{_KEYS}=ID:SECRET. The web page for a server that runs elsewhere: `conductor server ui`.",
    )
    add = parser.add_argument
    engines = "embedded (in this process) or oss (the open-source server) (default: %(default)s)"
    add("--engine", choices=sorted(_ENGINES), default="embedded", help=engines)
    add("--port", type=port_number, default=8080, help="port to listen on; 0 for any free port (default: %(default)s)")
    add("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 for all (default: %(default)s)")
    add("--dir", help="folder of the database and the log, which is kept (default: a temporary folder)")
    levels = ["debug", "info", "warning", "error"]
    add("--db", help="engine embedded: database file (default: conductor.db in --dir, or in memory)")
    strict = "engine embedded: also reproduce faults of the open-source server"
    add("--strict", action="store_true", help=strict)
    edition = "engine embedded: oss, or orkes to add the API of Orkes' edition (default: %(default)s)"
    add("--edition", choices=["oss", "orkes"], default="oss", help=edition)
    permissions = "edition orkes: do not check permissions, so every token allows every operation"
    add("--no-permissions", action="store_true", help=permissions)
    add("--log-level", choices=levels, default="warning", help="level of this launcher's log (default: %(default)s)")
    _add_oss_options(parser)
    return parser


def _add_oss_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("engine oss").add_argument
    ready = "seconds to wait until the server is healthy (default: 120)"
    backends = "database, with the settings that it needs (default: that of --url, or sqlite)"
    add("--backend", choices=["sqlite", "redis", "postgres"], help=backends)
    url = (
        "redis://HOST:PORT or postgresql://USER:PASSWORD@HOST/DATABASE; without it, the Redis or PostgreSQL of this "
        "machine is started (default: CONDUCTOR_BACKEND_URL, which other users cannot read)"
    )
    add("--url", help=url)
    add("--ready-timeout", type=float, default=120.0, metavar="S", help=ready)
    add("--property", type=_property, action="append", default=[], metavar="NAME=VALUE", help="Spring property")
    add("--heap", default="2g", help="maximum size of the Java heap (default: %(default)s)")
    add("--java", help="Java executable (default: CONDUCTOR_JAVA, or the first one of version 21 or later)")
    add("--cache-dir", help="folder of the downloaded jar (default: CONDUCTOR_CACHE_DIR, or the user's cache folder)")
    add("--server-version", default=VERSION, metavar="V", help="version of the server (default: %(default)s)")
    add("--jar", help="your own jar instead of the published one")


if __name__ == "__main__":
    sys.exit(main())
