"""User code inside workflows: JavaScript of INLINE, SWITCH and DO_WHILE, and jq of JSON_JQ_TRANSFORM.

JavaScript runs in an interpreter of its own (QuickJS) that sees its input and nothing else: no files, no network, no
timers, no modules; with limits on time and memory. Both interpreters come with the extra `server`.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from importlib import import_module
from queue import Empty, SimpleQueue
from typing import Any

from attrs import define, field

from conductor.server.scripting.jq import adapted, in_other_words, may_not_end, refusal, run_apart

AS_JAVA_MAPS = """
(function (value) {
  const names = ("get values clear replaceAll entrySet forEach keySet containsValue getOrDefault reversed " +
    "sequencedKeySet sequencedValues sequencedEntrySet putFirst putLast remove size put clone isEmpty replace merge " +
    "putAll putIfAbsent compute computeIfAbsent containsKey computeIfPresent equals toString hashCode firstEntry " +
    "lastEntry pollFirstEntry pollLastEntry").split(" ");
  const { keys, values, entries, getOwnPropertyNames, assign } = Object;
  const shown = (v) => v === null || v === undefined ? "null"
    : Array.isArray(v) ? "[" + v.map(shown).join(", ") + "]"
    : String(v);
  class JavaMap {
    get(key) { return Object.hasOwn(this, key) ? this[key] : null; }
    getOrDefault(key, other) { return Object.hasOwn(this, key) ? this[key] : other; }
    put(key, item) { const old = this.get(key); this[key] = item; return old; }
    remove(key) { const old = this.get(key); delete this[key]; return old; }
    containsKey(key) { return Object.hasOwn(this, key); }
    size() { return keys(this).length; }
    isEmpty() { return keys(this).length === 0; }
    hasOwnProperty() { return false; }
    toJSON() { return {}; }
    toString() { return "{" + keys(this).map((key) => key + "=" + shown(this[key])).join(", ") + "}"; }
    [Symbol.iterator]() { return entries(this)[Symbol.iterator](); }
  }
  const is = (v) => v instanceof JavaMap, nothing = () => null;
  const methods = () => Object.fromEntries(names.map((name) => [name, nothing]));
  Object.keys = (v) => is(v) ? [...names] : keys(v);
  Object.getOwnPropertyNames = (v) => is(v) ? [...names] : getOwnPropertyNames(v);
  Object.values = (v) => is(v) ? names.map(() => nothing) : values(v);
  Object.entries = (v) => is(v) ? names.map((name) => [name, nothing]) : entries(v);
  Object.assign = (to, ...from) => assign(to, ...from.map((v) => is(v) ? methods() : v));
  const change = (v) => {
    if (v === null || typeof v !== "object") return;
    values(v).forEach(change);
    if (!Array.isArray(v)) Object.setPrototypeOf(v, JavaMap.prototype);
  };
  change(value);
})
"""

_BELOW = "eval (native)"
_FRAME = re.compile(r"\n    at (.*)")
_PLACE = re.compile(r"(?:<input>|<evalScript>):(\d+):(\d+)")
_WORDS = [
    (re.compile(pattern), words)
    for pattern, words in (
        (r"^TypeError: cannot (read|set) property '(.*)' of (\w+)$", r"TypeError: Cannot \1 property '\2' of \3"),
        (r"^TypeError: cannot convert BigInt to number$", "TypeError: Cannot convert a BigInt value to a number"),
        (r"^TypeError: cannot convert symbol to string$", "TypeError: Cannot convert a Symbol value to a string"),
        (r"^TypeError: '(.*)' is read-only$", r'TypeError: Assignment to constant "\1"'),
        (r"^ReferenceError: (.*) is not initialized$", r"ReferenceError: \1 is not defined"),
        (r"^TypeError: empty array$", "TypeError: Reduce of empty array with no initial value"),
        (r"^RangeError: invalid array length$", "RangeError: Invalid array length"),
        (r"^RangeError: invalid repeat count$", "RangeError: illegal repeat count"),
        (r"^URIError: expecting hex digit$", "URIError: illegal escape sequence"),
        (r"^SyntaxError: return not in a function$", "SyntaxError: Invalid return statement"),
        (r"^(SyntaxError): unexpected token in expression: ''$", r"\1: Expected an operand but found eof"),
        (r"^(SyntaxError): unexpected token in expression: '(.*)'$", r"\1: Expected an operand but found \2"),
        (r"^SyntaxError: unexpected end of string$", "SyntaxError: Missing close quote"),
    )
]
_CALLEE_BEFORE = re.compile(r"[\w$.\]\[]*$")
_CALLEE_AFTER = re.compile(r"\.?[\w$]*")


def reason(text: str, script: str, *, skipped: int = 0) -> str:
    """Return "`message` at line n" for what the interpreter said about the script.

    Args:
        text: The message, and the stack below it.
        script: The source, for the line that a syntax error shows and the name of what is no function.
        skipped: How many characters stood before the script in its first line.
    """
    message = _FRAME.split(text, maxsplit=1)[0].removesuffix("\nundefined").rstrip("\n")
    if message == "[object Object]":
        message = "Error"
    frames = _frames(text)
    places = [(int(place[1]), int(place[2])) for place in map(_PLACE.search, frames) if place]
    line, column = places[0] if places else (1, 1)
    column -= skipped if line == 1 else 0
    for pattern, words in _WORDS:
        message = pattern.sub(words, message)
    source = (script.split("\n")[line - 1 : line] or [""])[0]
    if message == "TypeError: not a function":
        message = f"TypeError: {_callee(source, column)} is not a function"
    if message.startswith("SyntaxError: ") and len(frames) == 1 and frames[0].startswith("<"):
        message = _with_source(message, line, column, source)
    elif _thrown_by_code(message, frames, source, column):
        return f"`{message}`"
    return f"`{message}` at line {line}"


def _frames(text: str) -> list[str]:
    """Return the stack, without what stands below the script itself."""
    frames = _FRAME.findall(text)
    return frames[: frames.index(_BELOW)] if _BELOW in frames else frames


def _with_source(message: str, line: int, column: int, source: str) -> str:
    problem = message.removeprefix("SyntaxError: ")
    return f"SyntaxError: inline:{line}:{column - 1} {problem}\n{source}\n{' ' * (column - 1)}^\n"


def _thrown_by_code(message: str, frames: list[str], source: str, column: int) -> bool:
    """Say whether the error object was made by the script or by a built-in function: those have no line."""
    if not frames:
        return False
    name = message.partition(":")[0]
    return any("(native)" in frame for frame in frames[:2]) or source[column - 1 :].startswith(f"{name}(")


def _callee(source: str, column: int) -> str:
    before = _CALLEE_BEFORE.search(source[: column - 1])
    after = _CALLEE_AFTER.match(source[column - 1 :])
    return ((before[0] if before else "") + (after[0] if after else "")) or "(intermediate value)"


_EXACT_TO = 2**53
_LONG = re.compile(r"[0-9]{16}")


@define
class ExactIntegers:
    """The integers of an input that a double cannot hold, by the double that they become."""

    _by_double: dict[float, int | None] = field(factory=dict, init=False)

    def add(self, value: Any, text: str) -> None:
        """Take those of a JSON value; its text saves the search where there are none."""
        if _LONG.search(text):
            for number in _large(value):
                known = self._by_double.setdefault(float(number), number)
                if known != number:  # two integers became one: which of them comes back cannot be told
                    self._by_double[float(number)] = None

    def restored(self, value: Any) -> Any:
        """Return the value with each double that was an integer of the input as that integer.

        Other large integers, which the interpreters write with zeros at their end, become what the double is.
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


def _large(value: Any) -> Iterator[int]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _large(item)
    elif isinstance(value, list):
        for item in value:
            yield from _large(item)
    elif isinstance(value, int) and _EXACT_TO < abs(value) < 10**300:
        yield value


DEFAULT_TIMEOUT = 4.0
"""Seconds that a script may take, as on the real server."""
DEFAULT_MEMORY = 64 * 1024 * 1024
"""Bytes that a script may use."""
# Runs a script and writes its value as JSON, the way the real server reads it: maps by their keys, functions and dates
# as empty objects, what JSON cannot say as text. It takes the built-ins it needs before the script can replace them.
_RUN = """
(function () {
  const evaluate = globalThis.eval, { isArray, from } = Array, { isView } = ArrayBuffer, { keys, is } = Object;
  const { isInteger, isFinite } = Number, text = JSON.stringify, abs = Math.abs;
  const bound = (method) => Function.prototype.call.bind(method);
  const entries = bound(Map.prototype.entries), kind = bound(Object.prototype.toString);
  const map = bound(Array.prototype.map);
  const joined = (list, f) => {
    let out = "";
    for (let i = 0; i < list.length; i++) out += (i ? "," : "") + f(list[i]);
    return out;
  };
  const number = (v) => {
    if (!isFinite(v)) return text("" + v);
    if (is(v, -0)) return "-0.0";
    return isInteger(v) && abs(v) >= 2 ** 63 ? v.toExponential() : text(v);
  };
  const json = (v) => {
    if (v instanceof String || v instanceof Number || v instanceof Boolean) v = v.valueOf();
    switch (typeof v) {
      case "number": return number(v);
      case "bigint": return v >= -(2n ** 63n) && v < 2n ** 63n ? "" + v : "{}";
      case "string": case "boolean": return text(v);
      case "undefined": return "null";
      case "function": case "symbol": return "{}";
    }
    if (v === null) return "null";
    if (isArray(v) || isView(v)) return "[" + joined(v, json) + "]";
    const pairs = kind(v) === "[object Map]" ? from(entries(v)) : map(keys(v), (k) => [k, v[k]]);
    return "{" + joined(pairs, (pair) => text("" + pair[0]) + ":" + json(pair[1])) + "}";
  };
  return (source) => json(evaluate(source));
})()
"""
_AT_ONCE = 0.5
"""Seconds of processor time after which a script is begun again where it can be left alone: few take so long."""
_NEVER_RUN = "throw 0;"
# Bytes, for about 530 calls inside each other: the real server gives up between 500 and 1000, and a thread has no more
# than a megabyte on some systems.
_STACK = 900 * 1024


class ScriptError(Exception):
    """The script cannot be read, or failed while it ran; the text is the reason that a task shows."""


class ScriptTimeoutError(ScriptError):
    """The script took longer than allowed."""


def run_javascript(
    script: str,
    bindings: Mapping[str, Any],
    *,
    timeout: float = DEFAULT_TIMEOUT,
    memory: int = DEFAULT_MEMORY,
    plain_objects: bool = True,
) -> Any:
    """Run the script and return the value of its last statement, as JSON: what is undefined is None, NaN is "NaN".

    Args:
        script: ECMAScript in script mode: no `return` outside of functions, no modules.
        bindings: JSON values by the name of their global variable, usually `{"$": input}`. They are copied.
        timeout: Seconds.
        memory: Bytes.
        plain_objects: Whether maps are plain objects; otherwise they behave as the real server's Java maps.

    Raises:
        ScriptError: The script is wrong, threw, or needs more memory.
        ScriptTimeoutError: It took too long.
    """
    evaluate = partial(_evaluated, script, bindings, memory=memory, plain_objects=plain_objects)
    try:
        return evaluate(timeout=min(timeout, _AT_ONCE))
    except ScriptTimeoutError:
        if timeout <= _AT_ONCE:
            raise
    return _within(timeout, partial(evaluate, timeout=timeout))


def _within(seconds: float, function: Callable[[], Any]) -> Any:
    """What the function returns or raises, when that takes no longer than so many seconds.

    The interpreter counts processor time, of which a busy machine gives little in a second. It lets other threads work
    meanwhile, and ends by itself.
    """
    results: SimpleQueue[tuple[Any, ScriptError | None]] = SimpleQueue()

    def work() -> None:
        try:
            results.put((function(), None))
        except ScriptError as error:
            results.put((None, error))

    threading.Thread(target=work, name="script", daemon=True).start()
    try:
        value, error = results.get(timeout=seconds)
    except Empty:
        raise _too_long("Script", seconds) from None
    if error is not None:
        raise error
    return value


def _evaluated(script: str, bindings: Mapping[str, Any], *, timeout: float, memory: int, plain_objects: bool) -> Any:
    quickjs = _interpreter("_quickjs", "quickjs-ng", "JavaScript")
    context = quickjs.Context()
    context.set_max_stack_size(_STACK)
    run = context.eval(_RUN)
    exact = ExactIntegers()
    for name, value in bindings.items():
        text = json.dumps(value)
        context.set(name, context.parse_json(text))
        exact.add(value, text)
        if not plain_objects:
            context.eval(f"{AS_JAVA_MAPS}(globalThis[{json.dumps(name)}])")
    context.set_memory_limit(memory)
    context.set_time_limit(timeout)
    try:
        return exact.restored(json.loads(run(script)))
    except quickjs.JSException as error:
        raise _javascript_error(str(error), script, timeout, memory) from None


def check_javascript(script: str) -> None:
    """Raise ScriptError when the script cannot be parsed; nothing of it runs."""
    quickjs = _interpreter("_quickjs", "quickjs-ng", "JavaScript")
    context = quickjs.Context()
    try:
        context.eval(_NEVER_RUN + script)
    except quickjs.JSException as error:
        if str(error).startswith("SyntaxError"):
            raise ScriptError(reason(str(error), script, skipped=len(_NEVER_RUN))) from None


def run_jq(query: str, value: Any, *, timeout: float = DEFAULT_TIMEOUT) -> list[Any]:
    """Return all that the query makes of the value, maybe nothing.

    Functions that the real server's jq (jackson-jq) lacks are refused here too. Integers above 2**53 are exact where
    they are passed on, not where they are calculated with.

    Raises:
        ScriptError: The query is wrong, or failed.
        ScriptTimeoutError: It took longer than so many seconds; the real server would go on with it for ever.
    """
    jq = _interpreter("jq", "jq", "jq")
    refused = refusal(query)
    if refused:
        raise ScriptError(refused)
    try:
        text = json.dumps(value)
        if may_not_end(query):
            results = run_apart(adapted(query), value, timeout)
        else:
            results = _compiled(jq, adapted(query)).input_text(text).all()
    except ValueError as error:
        raise ScriptError(in_other_words(str(error))) from None
    except TimeoutError:
        raise _too_long("Query", timeout) from None
    exact = ExactIntegers()
    exact.add(value, text)
    restored: list[Any] = exact.restored(results)
    return restored


@lru_cache(maxsize=512)
def _compiled(jq: Any, query: str) -> Any:
    return jq.compile(query)


def _too_long(what: str, seconds: float) -> ScriptTimeoutError:
    return ScriptTimeoutError(f"{what} not evaluated within {seconds:g} seconds, interrupted.")


def _javascript_error(text: str, script: str, timeout: float, memory: int) -> ScriptError:
    if text.startswith("InternalError: interrupted"):
        return _too_long("Script", timeout)
    if text.startswith(("null", "InternalError: out of memory")):
        return ScriptError(f"Error evaluating the script `it needs more than {memory // 1024 // 1024} MB of memory`")
    return ScriptError(f"Error evaluating the script {reason(text, script)}")


def _interpreter(module: str, distribution: str, language: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise ScriptError(
            f"The embedded server runs {language} with the package {distribution}, which is not installed. "
            "Install the extra: pip install 'conductor-sdk[server]'"
        ) from error
