"""``python -m conductor.server``: run a server until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from conductor.errors import ConductorError, ConfigurationError
from conductor.server import start
from conductor.server.oss.download import VERSION
from conductor.server.oss.launch import start_oss_server
from conductor.server.ui.serve import main as page_command

_DONE, _MISUSED, _FAILED = 0, 2, 3
_GLANCE = 0.2
_KEYS = "CONDUCTOR_SERVER_KEYS"


class RunningServer(Protocol):
    """What every engine starts."""

    @property
    def summary(self) -> str:
        """What else to know of it, for the line that says it is ready."""

    @property
    def address(self) -> str:
        """Scheme, host and port."""

    @property
    def url(self) -> str:
        """The API's address."""

    @property
    def last_words(self) -> str:
        """Where to look when it ended by itself."""

    @property
    def is_running(self) -> bool:
        """Whether it has not ended by itself."""

    def wait(self) -> int:
        """Its exit status."""

    def stop(self) -> None:
        """Stop it; returns when its port is free."""


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
    )


def _start_embedded(arguments: argparse.Namespace) -> RunningServer:
    database = arguments.db
    if database is None and arguments.dir is not None:
        folder = Path(arguments.dir)
        folder.mkdir(parents=True, exist_ok=True)
        database = folder / "conductor.db"
    keys = _keys(os.environ.get(_KEYS, ""))
    return start(arguments.port, database, host=arguments.host, keys=keys, strict=arguments.strict)


def _keys(text: str) -> dict[str, str]:
    pairs = [pair.strip().partition(":") for pair in text.split(",") if pair.strip()]
    if not all(key and secret for key, _, secret in pairs):
        raise ConfigurationError(
            f"{_KEYS} is not ID:SECRET, or several of them with commas between.",
            variable=_KEYS,
            allowed="id:secret,id:secret",
        )
    return {key: secret for key, _, secret in pairs}


_ENGINES: dict[str, Callable[[argparse.Namespace], RunningServer]] = {"embedded": _start_embedded, "oss": _start_oss}

_ONLY = {
    "embedded": ("db", "strict"),
    "oss": ("ready_timeout", "property", "heap", "java", "cache_dir", "server_version", "jar"),
}


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    words = list(sys.argv[1:] if words is None else words)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both stop it alike, also while it starts
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if words[:1] == ["ui"]:
        return page_command(words[1:])
    parser = _parser()
    arguments = parser.parse_args(words)
    if strange := _of_the_other_engine(parser, arguments):
        parser.error(f"{', '.join(strange)}: not with --engine {arguments.engine}")
    logging.basicConfig(level=arguments.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
    try:
        return _run(_ENGINES[arguments.engine], arguments)
    except KeyboardInterrupt:
        return _DONE
    except ConfigurationError as error:
        return _tell(str(error), _MISUSED)
    except ConductorError as error:
        return _tell(str(error), _FAILED)


def _of_the_other_engine(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> list[str]:
    """The options that were given and that the chosen engine would ignore."""
    others = {name for engine, names in _ONLY.items() if engine != arguments.engine for name in names}
    given = {name for name in others if getattr(arguments, name) != parser.get_default(name)}
    return sorted("--" + name.replace("_", "-") for name in given)


def _run(start: Callable[[argparse.Namespace], RunningServer], arguments: argparse.Namespace) -> int:
    server = start(arguments)
    try:
        print(  # noqa: T201
            f"Conductor is ready at {server.url} ({server.summary}); Ctrl-C stops it",
            flush=True,
        )
        while server.is_running:
            time.sleep(_GLANCE)
        return _tell(f"The server ended by itself, with exit status {server.wait()}; {server.last_words}", _FAILED)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # it is being stopped
        server.stop()


def _tell(what: str, status: int) -> int:
    sys.stderr.write(f"{what}\n")
    return status


def _property(word: str) -> tuple[str, str]:
    name, found, value = word.partition("=")
    if not found or not name:
        raise argparse.ArgumentTypeError(f"{word!r} is not NAME=VALUE")
    return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m conductor.server",
        description="Run a Conductor server on this machine until Ctrl-C or SIGTERM.",
        epilog="Exit status: 0 stopped when asked, 2 wrong usage or setting, 3 the server did not start or ended by "
        "itself. Where others than this machine can reach the embedded server it needs keys: "
        f"{_KEYS}=ID:SECRET. With `ui` as the first word it serves the web page for a server that runs elsewhere: "
        "`ui --help`.",
    )
    add = parser.add_argument
    engines = "embedded, in this process, or oss, the real one (default: %(default)s)"
    add("--engine", choices=sorted(_ENGINES), default="embedded", help=engines)
    add("--port", type=int, default=8080, help="its port; 0 for any that is free (default: %(default)s)")
    add("--host", default="127.0.0.1", help="the address it listens on; 0.0.0.0 for all (default: %(default)s)")
    add("--dir", help="where its database and log lie and stay (default: a temporary folder)")
    levels = ["debug", "info", "warning", "error"]
    add("--db", help="engine embedded: its database file (default: conductor.db in --dir, or memory)")
    strict = "engine embedded: copy the OSS server's faults and traps, too"
    add("--strict", action="store_true", help=strict)
    add("--log-level", choices=levels, default="warning", help="of this launcher's own log (default: %(default)s)")
    _add_oss_options(parser)
    return parser


def _add_oss_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("engine oss").add_argument
    add("--ready-timeout", type=float, default=120.0, metavar="S", help="seconds to be healthy in (default: 120)")
    add("--property", type=_property, action="append", default=[], metavar="NAME=VALUE", help="a Spring property")
    add("--heap", default="2g", help="the largest Java heap (default: %(default)s)")
    add("--java", help="the Java to use (default: CONDUCTOR_JAVA, or the first of version 21 or later)")
    add("--cache-dir", help="where its jar is kept (default: CONDUCTOR_CACHE_DIR, or the user's cache folder)")
    add("--server-version", default=VERSION, metavar="V", help="which version (default: %(default)s)")
    add("--jar", help="a jar of your own, in place of the published one")


if __name__ == "__main__":
    sys.exit(main())
