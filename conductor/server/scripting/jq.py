"""What the real server's jq (jackson-jq 0.0.13) lacks of the jq that runs here, so that no test passes with it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

_LACKING = frozenset(
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
_WORDS = [
    (re.compile(r'^(Cannot index \w+ with \w+) \((".*")\)$', re.DOTALL), r"\1 \2"),
    (re.compile(r"^(Cannot (?:index \w+ with|iterate over) \w+) \([^\"].*\)$", re.DOTALL), r"\1"),
    (re.compile(r"^jq: error: (\w+/\d+) is not defined at .*$", re.DOTALL), r"Function \1 does not exist"),
    (re.compile(r"^jq: error: (\$\w+) is not defined at .*$", re.DOTALL), r"Undefined variable: \1"),
]
_PREDEFINED = "def leaf_paths: paths(scalars); "


def adapted(query: str) -> str:
    """Return the query with what only the real server's jq has defined in front of it."""
    return _PREDEFINED + query if "leaf_paths" in query else query


def _interpolated(text: re.Match[str]) -> str:
    """Keep of a text in quotes only what is code: what stands in parentheses after a backslash."""
    return '""' + "".join(f", ({part})" for part in _INTERPOLATION.findall(text[0]))


def in_other_words(message: str) -> str:
    """Return the error of the jq that runs here in the words of the real server's, where they are known."""
    for pattern, words in _WORDS:
        message = pattern.sub(words, message)
    return message


def refusal(query: str) -> str | None:
    """Return what the real server says about the first function of the query that it lacks; None when it has all."""
    code = _COMMENT.sub(" ", _STRING.sub(_interpolated, query))
    own = {name for match in _DEFINED.finditer(code) for name in re.findall(r"\w+", f"{match[1]} {match[2] or ''}")}
    tokens = [*_TOKEN.findall(code), ""]
    open_brackets: list[str] = []
    for number, word in enumerate(tokens):
        if word and word in "{[(":
            open_brackets.append(word)
        elif word in "}])" and open_brackets:
            open_brackets.pop()
        elif word in _LACKING and word not in own:
            before, after = tokens[number - 1] if number else "", tokens[number + 1]
            key = open_brackets[-1:] == ["{"] and before in {"{", ","} and after in {":", ",", "}"}
            if not key:
                return _refused(word, tokens[number + 1 :])
    return None


def _refused(name: str, following: list[str]) -> str:
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


# What can go on for ever, or for very long. Without it a query's work is bounded by the size of its input.
_ENDLESS = re.compile(r"\b(?:def|until|while|repeat|recurse|combinations)\b|\brange\s*\((?!\s*\d{1,5}\s*\))")
_PROGRAM = """
import json, sys, jq
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
except (ImportError, ValueError, OSError):
    pass  # a system without such limits
query, value = json.load(sys.stdin)
try:
    answer = {"values": jq.compile(query).input_value(value).all()}
except ValueError as error:
    answer = {"error": str(error)}
json.dump(answer, sys.stdout)
"""


def may_not_end(query: str) -> bool:
    """Say whether the query had better be run in a process of its own."""
    return _ENDLESS.search(query) is not None


def run_apart(query: str, value: Any, timeout: float) -> list[Any]:
    """Return all values of the query.

    Raises:
        ValueError: The query is wrong, or failed.
        TimeoutError: It took longer than so many seconds, and was stopped.
    """
    try:
        done = subprocess.run(  # noqa: S603  the program is above, the query is data to it
            [sys.executable, "-I", "-c", _PROGRAM],
            input=json.dumps([query, value]),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"not evaluated within {timeout:g} s") from None
    if done.returncode != 0:
        raise ValueError(f"jq ended with status {done.returncode}: {done.stderr.strip()[-200:]}")
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise ValueError(answer["error"])
    values: list[Any] = answer["values"]
    return values
