"""Run the jq queries of JSON_JQ_TRANSFORM tasks, with the OSS server's values and error messages.

A query runs in a separate process: see ``worker.py``. Functions that the OSS server's jq (jackson-jq 0.0.13) lacks are
refused, so that a test does not pass with a query that fails in production.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field

from conductor.models.codec import dumps
from conductor.server.engine.expressions.java_text import java_text
from conductor.server.scripting.pool import POOL, ScriptError, ScriptTimeoutError, WorkerDiedError, require

#: Doubles represent all integers up to this one.
_EXACT_TO = 2**53
#: Finds JSON that may contain such integers: they have 16 digits or more.
_LONG = re.compile(rb"[0-9]{16}")


@define
class ExactIntegers:
    """The large integers of an input, by the double to which they are rounded."""

    _by_double: dict[float, int | None] = field(factory=dict, init=False)

    def add(self, value: Any, text: bytes) -> None:
        """Add the large integers of a JSON value.

        Args:
            value: The value.
            text: The same value as JSON, in which they are found faster.
        """
        if _LONG.search(text):
            for number in _large(value):
                known = self._by_double.setdefault(float(number), number)
                if known != number:  # two integers are rounded to one double, so neither can be restored
                    self._by_double[float(number)] = None

    def restored(self, value: Any) -> Any:
        """Return the value with the integers of the input restored.

        Other large integers, which the interpreters write with zeros at the end, become the exact value of the double.
        """
        if isinstance(value, dict):
            return {key: self.restored(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.restored(item) for item in value]
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) >= _EXACT_TO:
            exact = self._by_double.get(float(value))
            rounded = value if isinstance(value, float) else int(float(value))
            return rounded if exact is None else exact
        return value

    def parsed(self, text: bytes, loads: Callable[[bytes], Any]) -> Any:
        """Parse the output of an interpreter, with the integers restored."""
        value = loads(text)
        return self.restored(value) if self._by_double or _LONG.search(text) else value


def _large(value: Any) -> Iterator[int]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _large(item)
    elif isinstance(value, list):
        for item in value:
            yield from _large(item)
    elif isinstance(value, int) and _EXACT_TO < abs(value) < 10**300:
        yield value


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
# These patterns take linear time with any query: what is unclosed ends at the next bracket or at the end of the query,
# and words and numbers begin only where no other one could have begun.
_DEFINED = re.compile(r"\bdef\s+(\w+)\s*(?:\(([^()]*)\))?")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_INTERPOLATION = re.compile(r"\\\((.*?)(?:\)|\Z)", re.DOTALL)
_COMMENT = re.compile(r"#[^\n]*")
_TOKEN = re.compile(r"\.[A-Za-z_]\w*|[$@]?[A-Za-z_]\w*|[{}\[\]()]|\S")
#: Error messages of jq, and those of jackson-jq.
_MESSAGES = [
    (re.compile(r'^(Cannot index \w+ with \w+) \((".*")\)$', re.DOTALL), r"\1 \2"),
    (re.compile(r"^(Cannot (?:index \w+ with|iterate over) \w+) \([^\"].*\)$", re.DOTALL), r"\1"),
    (re.compile(r"^jq: error: (\w+/\d+) is not defined at .*$", re.DOTALL), r"Function \1 does not exist"),
    (re.compile(r"^jq: error: (\$\w+) is not defined at .*$", re.DOTALL), r"Undefined variable: \1"),
]
#: Functions that only jackson-jq has, or that have other results there.
_PREDEFINED = {
    "leaf_paths": "def leaf_paths: paths(scalars); ",
    "join": """def join($text): if type == "array" or type == "object" then
        reduce .[] as $one (null; (if . == null then "" else . + $text end)
            + ($one | if . == null then "" elif type == "boolean" or type == "number" then tojson else . end)) // ""
        else "" end; """,
}
#: Numbers with a fraction or an exponent, and what contains digits but is not a number.
_NUMBER = re.compile(
    r'"(?:[^"\\]|\\.)*"?|#[^\n]*|(?<![.$\w])[.$\w]*[A-Za-z_$]\w*|(?<!\d)\d+(?:\.\d*(?:[eE][+-]?\d+)?|[eE][+-]?\d+)',
    re.DOTALL,
)
#: Java writes numbers from the first up to the second in full, and others with an exponent.
_PLAIN_NUMBERS = 1e-3, 1e7
_ALTERNATIVE = re.compile(r'("(?:[^"\\]|\\.)*"?|#[^\n]*)|\?//', re.DOTALL)
#: Keywords after which a bracket begins an array, and is not an index.
_KEYWORDS = frozenset(
    {"then", "else", "elif", "if", "and", "or", "as", "in", "reduce", "foreach", "try", "catch", "def"}
)


def adapted(query: str) -> str:
    """Return the query as jq must read it to give the results of jackson-jq.

    Numbers are written as in Java, ``?//`` is ``?`` followed by ``//``, and functions of jackson-jq are defined.
    """
    query = _NUMBER.sub(_java_number, _ALTERNATIVE.sub(lambda found: found[1] or "? //", query))
    own = {match[1] for match in _DEFINED.finditer(query)}
    defined = (text for name, text in _PREDEFINED.items() if name not in own and re.search(rf"\b{name}\b", query))
    return "".join(defined) + query


def _java_number(found: re.Match[str]) -> str:
    text = found[0]
    try:
        number = float(text) if text[0].isdigit() else 0.0
    except ValueError:  # such as 1e1e1, which jq refuses
        return text
    return java_text(number) if _PLAIN_NUMBERS[0] <= number < _PLAIN_NUMBERS[1] else text


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
    if refused := _syntax_refusal(tokens):
        return refused
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


def _syntax_refusal(tokens: list[str]) -> str | None:
    """Return an error for syntax that jackson-jq lacks; None if there is none.

    It lacks ``if`` without ``else``, ``?`` after an array, an object or a string, ``as {$name}``, and ``del`` of
    anything but one path.
    """
    if _lacks_else(tokens):
        return _encountered("end")
    brackets: list[tuple[str, bool, bool]] = []  # each with whether it is an index, and whether it is in a pattern
    closed_index, before = False, ""
    for number, word in enumerate(tokens[:-1]):
        after = tokens[number + 1]
        if word in {"[", "{", "("}:
            is_pattern = before == "as" or (bool(brackets) and brackets[-1][2])
            brackets.append((word, word == "[" and _is_index(before), is_pattern))
        elif word in {"]", "}", ")"} and brackets:
            closed_index = brackets.pop()[1]
        elif word == "?" and (before == "}" or (before == "]" and not closed_index) or _is_text(tokens, number)):
            return _encountered("?")
        elif (
            word.startswith("$")
            and before in {"{", ","}
            and after in {",", "}"}
            and brackets[-1:] == [("{", False, True)]
        ):
            return _encountered("$")
        if word == "del" and after == "(" and not _is_path(tokens, number + 2):
            return "1st argument to del() must be a field access"
        before = word
    return None


def _lacks_else(tokens: list[str]) -> bool:
    """Return whether a condition has no ``else``."""
    has_else: list[bool] = []  # of each open condition
    for number, word in enumerate(tokens[:-1]):
        if tokens[number + 1] == ":":
            continue  # a key
        if word == "if":
            has_else.append(False)
        elif word == "else" and has_else:
            has_else[-1] = True
        elif word == "end" and has_else and not has_else.pop():
            return True
    return False


def _encountered(word: str) -> str:
    return f'Encountered " "{word}" "{word} ""'


def _is_index(before: str) -> bool:
    """Return whether a bracket after a token is an index, and not an array."""
    if before in {".", "]", ")", "?", '"'}:
        return True
    return (before[:1] in {".", "$", "_"} or before[:1].isalpha()) and before not in _KEYWORDS


def _is_text(tokens: list[str], number: int) -> bool:
    """Return whether a string that is not a field ends before a token."""
    return tokens[max(0, number - 2) : number] == ['"', '"'] and tokens[max(0, number - 3)] != "."


def _is_path(tokens: list[str], start: int) -> bool:
    """Return whether the argument at an index is one path such as ``.a[0].b``."""
    depth = 0
    for number in range(start, len(tokens)):
        word = tokens[number]
        if depth == 0 and (word in {",", "|", "("} or tokens[number : number + 2] == [".", "."]):
            return False
        if word in {"[", "{", "("}:
            depth += 1
        elif word in {"]", "}", ")"}:
            if depth == 0:
                break
            depth -= 1
    return True


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
        about, results = POOL.run("jq", adapted(query), payload, timeout)
    except TimeoutError:
        raise ScriptTimeoutError(f"Query not evaluated within {timeout:g} seconds, interrupted.") from None
    except WorkerDiedError:
        raise ScriptError(f"The query needs more than {_MEMORY_MB} MB of memory") from None
    if "error" in about:
        raise ScriptError(oss_message(about["error"]))
    found: list[Any] = exact.parsed(results, json.loads)
    return found
