"""Whether this process is a child of ``TaskHandler(processes=...)``, and is importing its workers just now."""

from __future__ import annotations

from conductor.errors import ConfigurationError

__all__ = ["importing", "is_child", "number", "refuse_start"]

is_child = False
importing = False  # a handler started meanwhile would start child processes too
#: Which child this is, from 1; 0 in a process that is none.
number = 0


def refuse_start() -> None:
    """Refuse to start a handler while the modules of workers are imported.

    Raises:
        ConfigurationError: They are.
    """
    if importing:
        raise ConfigurationError(
            "A module that declares workers starts a handler when a worker process imports it. Start the handler under "
            "if __name__ == '__main__', or in a function.",
            variable="processes",
        )
