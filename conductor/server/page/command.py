"""`python -m conductor.server ui`: the page in front of a server that runs elsewhere."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Sequence

from conductor.errors import ConductorError, ConfigurationError
from conductor.server.page.serve import PageServer
from conductor.server.page.upstream import upstream_of
from conductor.settings import Settings

_DONE, _MISUSED, _FAILED = 0, 2, 3
_KEY_VARIABLE = "CONDUCTOR_UI_KEY"


def main(words: Sequence[str]) -> int:
    """Serve the page until Ctrl-C; returns the exit status."""
    arguments = _parser().parse_args(words)
    try:
        settings = Settings.from_env(**({"server_url": arguments.server} if arguments.server else {}))
        upstream = upstream_of(settings)
        key = os.environ.get(_KEY_VARIABLE) or None
        names = tuple(arguments.name)
        with PageServer(upstream, port=arguments.port, host=arguments.host, key=key, names=names) as page:
            print(f"The page of {upstream.url} is at {page.url}; Ctrl-C stops it", flush=True)  # noqa: T201
            threading.Event().wait()
    except KeyboardInterrupt:
        return _DONE
    except ConfigurationError as error:
        return _tell(str(error), _MISUSED)
    except ConductorError as error:
        return _tell(str(error), _FAILED)
    return _DONE


def _tell(what: str, status: int) -> int:
    sys.stderr.write(f"{what}\n")
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m conductor.server ui",
        description="Serve the web page for a Conductor server that has none, until Ctrl-C.",
        epilog=f"On an address that others can reach it asks for a key: the text of {_KEY_VARIABLE}, which it then "
        "needs. CONDUCTOR_AUTH_KEY and CONDUCTOR_AUTH_SECRET are used where the server asks for them.",
    )
    add = parser.add_argument
    add("--server", metavar="URL", help="the server (default: CONDUCTOR_SERVER_URL, or http://localhost:8080/api)")
    add("--port", type=int, default=8081, help="the page's port; 0 for any that is free (default: %(default)s)")
    add("--host", default="127.0.0.1", help="the address it listens on (default: %(default)s)")
    add("--name", action="append", default=[], help="a host name by which a proxy calls it")
    return parser
