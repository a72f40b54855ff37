"""``python -m conductor.server``: run a server until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType

from conductor.errors import ConductorError
from conductor.server.oss.download import VERSION
from conductor.server.oss.launch import OssServer, start_oss_server

_DONE, _FAILED = 0, 3


def _start_oss(arguments: argparse.Namespace) -> OssServer:
    return start_oss_server(
        arguments.port, arguments.dir, version=arguments.server_version, ready_timeout=arguments.ready_timeout
    )


_ENGINES: dict[str, Callable[[argparse.Namespace], OssServer]] = {"oss": _start_oss}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m conductor.server",
        description="Run a Conductor server on this machine until Ctrl-C or SIGTERM.",
        epilog="Exit status: 0 stopped when asked, 2 usage, 3 the server did not start or ended by itself.",
    )
    parser.add_argument("--engine", choices=sorted(_ENGINES), default="oss", help="which server (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=8080, help="its port; 0 for any that is free (default: %(default)s)"
    )
    parser.add_argument("--dir", help="where its database and log lie and stay (default: a temporary folder)")
    parser.add_argument("--server-version", default=VERSION, help="which version (default: %(default)s)")
    parser.add_argument("--ready-timeout", type=float, default=120.0, help="seconds until it must be healthy")
    parser.add_argument("--log-level", default="WARNING", help="of this launcher's own log (default: %(default)s)")
    return parser


class _Asked(BaseException):
    """SIGTERM or SIGINT arrived."""


def _ask(_number: int, _frame: FrameType | None) -> None:
    raise _Asked


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = _parser().parse_args(words)
    logging.basicConfig(level=arguments.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ask)
    server: OssServer | None = None
    try:
        server = _ENGINES[arguments.engine](arguments)
        print(f"Conductor is ready at {server.url} (log: {server.log_path}); Ctrl-C stops it", flush=True)  # noqa: T201
        while server.is_running:
            time.sleep(0.2)
    except _Asked:
        return _DONE
    except ConductorError as error:
        sys.stderr.write(f"{error}\n")
        return _FAILED
    else:
        sys.stderr.write(f"The server ended by itself with status {server.wait()}; see {server.log_path}\n")
        return _FAILED
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        if server is not None:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
