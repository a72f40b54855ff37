"""Check many cases in one test, and report every case that fails."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest

#: Characters of a value that the name of a case shows; long enough for the path of any operation.
_NAME_LENGTH = 100

#: Failures that are reported with their traceback; the others are reported with their error only.
_TRACEBACKS = 20


def each(names: str | tuple[str, ...], cases: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Call the test once for each case, like ``pytest.mark.parametrize``, but as one test.

    All cases run. If any fail, the test fails with the name, the error and the traceback of each. The cases share
    the test's fixtures, so use ``parametrize`` where a fixture holds state.

    Args:
        names: The parameters that a case sets: ``"key"``, or ``("key", "edition")``.
        cases: A value per case, or a sequence of values if there are several names.
    """
    rows = [(case,) if isinstance(names, str) else tuple(case) for case in cases]
    parameters = (names,) if isinstance(names, str) else names

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def run(**fixtures: Any) -> None:
            assert rows, "there are no cases"
            failures = {}
            for number, row in enumerate(rows):
                try:
                    test(**fixtures, **dict(zip(parameters, row, strict=True)))
                except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:  # the other cases run too
                    failures[number] = error
            if failures:
                pytest.fail(_report(rows, failures), pytrace=False)

        signature = inspect.signature(test)
        fixtures = [one for name, one in signature.parameters.items() if name not in parameters]
        run.__signature__ = signature.replace(parameters=fixtures)  # type: ignore[attr-defined]  # pytest reads it
        return run

    return decorate


def _report(rows: list[tuple[Any, ...]], failures: dict[int, BaseException]) -> str:
    found = [f"{len(failures)} of {len(rows)} cases failed: {', '.join(_name(rows[number]) for number in failures)}"]
    for place, (number, error) in enumerate(failures.items()):
        name = _name(rows[number])
        info = pytest.ExceptionInfo.from_exception(error)
        info.traceback = info.traceback[1:] or info.traceback  # without the frame of run()
        is_short = place >= _TRACEBACKS
        found.append(f"{name} {info.exconly(tryshort=True)}" if is_short else f"{name}\n{info.getrepr(style='short')}")
    return "\n\n".join(found)


def _name(row: tuple[Any, ...]) -> str:
    shown = [value if isinstance(value, str) else repr(value) for value in row]
    return f"[{', '.join(one if len(one) <= _NAME_LENGTH else one[:_NAME_LENGTH] + '...' for one in shown)}]"
