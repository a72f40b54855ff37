"""Loggers for threads that must survive the application's logging configuration."""

from __future__ import annotations

import logging
import sys
import threading
import traceback

__all__ = ["isolated_logger"]


class _IsolatedLogger(logging.Logger):
    """A logger whose callers never see an exception of a filter or handler.

    ``logging`` itself isolates only what its own handlers raise while they format and write.
    """

    def handle(self, record: logging.LogRecord) -> None:
        """Pass the record on; print what a filter or handler raises, as ``logging.Handler.handleError`` does."""
        try:
            super().handle(record)
        except (Exception, SystemExit, GeneratorExit, KeyboardInterrupt) as error:  # a filter may raise anything
            if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
                raise  # it is Ctrl-C
            if logging.raiseExceptions and sys.stderr is not None:
                try:
                    traceback.print_exc(file=sys.stderr)
                except (OSError, ValueError):  # closed
                    return


def isolated_logger(name: str) -> logging.Logger:
    """Return the logger ``name``, whose callers are not affected by exceptions of a filter or handler.

    A thread that polls, delivers or stops must not end because its log line failed. If the application has set its own
    logger class, that class is kept.
    """
    logger = logging.getLogger(name)
    if type(logger) is logging.Logger:
        logger.__class__ = _IsolatedLogger
    return logger
