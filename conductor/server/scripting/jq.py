"""Run the jq queries of JSON_JQ_TRANSFORM tasks, with the OSS server's values and error messages.

A query runs in a separate process: see ``worker.py``. Functions that the OSS server's jq (jackson-jq 0.0.13) lacks are
refused, so that a test does not pass with a query that fails in production.
"""

from __future__ import annotations

import json
import re
from typing import Any

from conductor.models.codec import dumps
from conductor.server.scripting.integers import ExactIntegers
from conductor.server.scripting.pool import POOL, ScriptError, ScriptTimeoutError, WorkerDiedError, require

#: Seconds that a query may take; the OSS server has no limit.
DEFAULT_TIMEOUT = 4.0
#: MB of memory of the process that runs a query.
_MEMORY_MB = 512
#: Functions, variables and keywords of jq that jackson-jq 0.0.13 lacks.
_MISSING = frozenset(
    re.findall(
        r"\S+",
        """
        IN INDEX JOIN abs acos acosh asin asinh atan2 atanh bsearch builtins cbrt ceil copysign cosh debug delpaths
        drem env erf erfc exp exp10 exp2 expm1 fabs fdim finites fma fmax fmin fmod format frexp fromdate
        fromdateiso8601 fromstream gamma get_jq_origin get_prog_origin get_search_list getpath gmtime halt
        halt_error have_decnum have_literal_numbers hypot input input_filename input_line_number inputs isempty
        isfinite isnormal j0 j1 jn label ldexp lgamma lgamma_r localtime log log10 log1p logb ltrim mktime modf
        modulemeta nearbyint nextafter nexttoward normals now path pick remainder repeat rint round rtrim scalb
        scalbln setpath significand sinh skip stderr strflocaltime strftime strptime tan tanh tgamma toboolean
        todate todateiso8601 tostream trim trimstr trunc truncate_stream y0 y1 yn $ENV $__loc__ $__prog_args
        @base64d @base32 @base32d import include
        """,
    )
)
_DEFINED = re.compile(r"\bdef\s+(\w+)\s*(?:\(([^)]*)\))?")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_INTERPOLATION = re.compile(r"\\\((.*?)\)", re.DOTALL)
_COMMENT = re.compile(r"#[^\n]*")
_TOKEN = re.compile(r"\.\s*[A-Za-z_]\w*|[$@]?[A-Za-z_]\w*|[{}\[\]()]|\S")
#: Error messages of jq, and those of jackson-jq.
_MESSAGES = [
    (re.compile(r'^(Cannot index \w+ with \w+) \((".*")\)$', re.DOTALL), r"\1 \2"),
    (re.compile(r"^(Cannot (?:index \w+ with|iterate over) \w+) \([^\"].*\)$", re.DOTALL), r"\1"),
    (re.compile(r"^jq: error: (\w+/\d+) is not defined at .*$", re.DOTALL), r"Function \1 does not exist"),
    (re.compile(r"^jq: error: (\$\w+) is not defined at .*$", re.DOTALL), r"Undefined variable: \1"),
]
_PREDEFINED = "def leaf_paths: paths(scalars); "


def with_missing_functions(query: str) -> str:
    """Return the query, preceded by definitions of functions that only jackson-jq has."""
    return _PREDEFINED + query if "leaf_paths" in query else query


def _interpolated(text: re.Match[str]) -> str:
    """Replace a string literal by the code that it interpolates."""
    return '""' + "".join(f", ({part})" for part in _INTERPOLATION.findall(text[0]))


def oss_message(message: str) -> str:
    """Return the OSS server's message for a message of jq; messages without a known counterpart are not changed."""
    for pattern, replacement in _MESSAGES:
        message = pattern.sub(replacement, message)
    return message


def refusal(query: str) -> str | None:
    """Return the OSS server's error for the first function that it lacks; None if it has all functions."""
    code = _COMMENT.sub(" ", _STRING.sub(_interpolated, query))
    own = {name for match in _DEFINED.finditer(code) for name in re.findall(r"\w+", f"{match[1]} {match[2] or ''}")}
    tokens = [*_TOKEN.findall(code), ""]
    open_brackets: list[str] = []
    for number, word in enumerate(tokens):
        if word and word in "{[(":
            open_brackets.append(word)
        elif word in "}])" and open_brackets:
            open_brackets.pop()
        elif word in _MISSING and word not in own:
            before, after = tokens[number - 1] if number else "", tokens[number + 1]
            key = open_brackets[-1:] == ["{"] and before in {"{", ","} and after in {":", ",", "}"}
            if not key:
                return _missing(word, tokens[number + 1 :])
    return None


def _missing(name: str, following: list[str]) -> str:
    if name.startswith("$"):
        return f"Undefined variable: {name}"
    if name.startswith("@"):
        return f"Formatting operator {name} does not exist"
    return f"Function {name}/{_arity(following)} does not exist"


def _arity(following: list[str]) -> int:
    if following[0] != "(":
        return 0
    depth, arguments = 0, 1
    for word in following:
        if word in {"(", "[", "{"}:
            depth += 1
        elif word in {")", "]", "}"}:
            depth -= 1
            if depth == 0:
                break
        elif word == ";" and depth == 1:
            arguments += 1
    return arguments


def run_jq(query: str, value: Any, *, timeout: float = DEFAULT_TIMEOUT) -> list[Any]:
    """Run a query and return its results.

    Integers above 2**53 stay exact if the query returns them unchanged, but not in calculations.

    Args:
        query: The jq program.
        value: Its input, a JSON value.
        timeout: Seconds that the query may take.

    Raises:
        ScriptError: The query is invalid, failed, or needs more memory.
        ScriptTimeoutError: The query took too long.
    """
    require("jq", "jq", "jq")
    if refused := refusal(query):
        raise ScriptError(refused)
    payload = dumps(value)
    exact = ExactIntegers()
    exact.add(value, payload)
    try:
        about, results = POOL.run("jq", with_missing_functions(query), payload, timeout)
    except TimeoutError:
        raise ScriptTimeoutError(f"Query not evaluated within {timeout:g} seconds, interrupted.") from None
    except WorkerDiedError:
        raise ScriptError(f"The query needs more than {_MEMORY_MB} MB of memory") from None
    if "error" in about:
        raise ScriptError(oss_message(about["error"]))
    found: list[Any] = exact.parsed(results, json.loads)
    return found
