"""User code inside workflows: JavaScript of INLINE, SWITCH and DO_WHILE, and jq of JSON_JQ_TRANSFORM.

JavaScript runs in an interpreter of its own (QuickJS) that sees its input and nothing else: no files, no network, no
timers, no modules; with limits on time and memory. Both interpreters come with the extra `server`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from importlib import import_module
from queue import Empty, SimpleQueue
from typing import Any

from conductor.server.exact_integers import ExactIntegers
from conductor.server.java_maps import AS_JAVA_MAPS
from conductor.server.javascript_errors import reason
from conductor.server.jq_dialect import adapted, in_other_words, refusal
from conductor.server.jq_process import may_not_end, run_apart

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
