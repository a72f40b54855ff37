"""Run the JavaScript of INLINE, LAMBDA, SWITCH and DO_WHILE tasks, with the OSS server's values and error messages.

A script runs in QuickJS, in a separate process that can access only the script's input: see ``worker.py``. The extra
``server`` includes the interpreter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from conductor.models.codec import dumps
from conductor.server.scripting.java_values import java_methods, mark_longs
from conductor.server.scripting.pool import POOL, ScriptError, ScriptTimeoutError, WorkerDiedError, require

#: Seconds that a script may take, as on the OSS server.
DEFAULT_TIMEOUT = 4.0
#: Bytes of memory that a script may use.
DEFAULT_MEMORY = 64 * 1024 * 1024

#: JavaScript that makes the maps of a value behave like the OSS server's Java maps, for ``strict``.
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
    if (v === null || typeof v !== "object" || v instanceof Number) return;
    values(v).forEach(change);
    if (!Array.isArray(v)) Object.setPrototypeOf(v, JavaMap.prototype);
  };
  change(value);
})
"""

_STRICT_MAPS = f"(names) => {{ for (const name in names) {AS_JAVA_MAPS.strip()}(names[name]) }}"
_BELOW = "eval (native)"
_FRAME = re.compile(r"\n    at (.*)")
_POSITION = re.compile(r"(?:<input>|<evalScript>):(\d+):(\d+)")
#: Error messages of QuickJS, and those of the OSS server's interpreter.
_MESSAGES = [
    (re.compile(pattern), message)
    for pattern, message in (
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
        (r"^SyntaxError: variable name expected$", "SyntaxError: expected BindingIdentifier or BindingPattern"),
        (r"^RangeError: cannot convert to BigInt: not an integer$", "RangeError: BigInt out of range"),
        (
            r"^RangeError: invalid number of digits$",
            "RangeError: toFixed() fraction digits need to be in range 0-100",
        ),
        (r"^TypeError: not an object$", "TypeError: Object.defineProperty called on non-object"),
        (r"^SyntaxError: unexpected end of string$", "SyntaxError: Missing close quote"),
    )
]
_CALLEE_BEFORE = re.compile(r"""(?:(?P<group>[\])])|"[^"]*"|'[^']*'|[\w$][\w$.]*)?(?:\[[^\[\]]*\]|\.[\w$]+)*\.?$""")
_CALLEE_AFTER = re.compile(r"\.?[\w$]*")
_INPUT_METHOD = re.compile(r"\$((?:\.[\w$]+)*)\.([\w$]+)")
_REDEFINED = re.compile(r"([\w$]+)\s*$")
#: Characters before an error in which its callee or variable is looked for.
_NEAR = 500


def reason(text: str, script: str, *, skipped: int = 0, bindings: Mapping[str, Any] | None = None) -> str:
    """Return the OSS server's error message for an error of the interpreter: "`message` at line n".

    Args:
        text: The interpreter's message and stack trace.
        script: The source, which syntax errors quote.
        skipped: Characters before the script in its first line.
        bindings: The input, for the messages about missing methods of its lists and maps.
    """
    message = _FRAME.split(text, maxsplit=1)[0].removesuffix("\nundefined").rstrip("\n")
    if message == "[object Object]":
        message = "Error"
    frames = _frames(text)
    positions = [(int(found[1]), int(found[2])) for found in map(_POSITION.search, frames) if found]
    line, column = positions[0] if positions else (1, 1)
    column -= skipped if line == 1 else 0
    for pattern, replacement in _MESSAGES:
        message = pattern.sub(replacement, message)
    source = (script.split("\n")[line - 1 : line] or [""])[0]
    if message == "TypeError: not a function":
        message = f"TypeError: {_not_callable(_callee(source, column), bindings or {})}"
    if message == "SyntaxError: invalid redefinition of lexical identifier":
        name = _REDEFINED.search(source[: column - 1], max(0, column - 1 - _NEAR))
        if name is not None:
            message, column = f'SyntaxError: Variable "{name[1]}" has already been declared', name.start() + 1
    if message.startswith("SyntaxError: ") and len(frames) == 1 and frames[0].startswith("<"):
        message = _with_source(message, line, column, source)
    elif message != "RangeError: Invalid array length" and _thrown_by_code(message, frames, source, column):
        message = "SyntaxError: Unterminated group" if message == "SyntaxError: expecting ')'" else message
        return f"`{message}`"
    return f"`{message}` at line {line}"


def _frames(text: str) -> list[str]:
    """Return the stack frames of the script, without those below it."""
    frames = _FRAME.findall(text)
    return frames[: frames.index(_BELOW)] if _BELOW in frames else frames


def _with_source(message: str, line: int, column: int, source: str) -> str:
    problem = message.removeprefix("SyntaxError: ")
    return f"SyntaxError: inline:{line}:{column - 1} {problem}\n{source}\n{' ' * (column - 1)}^\n"


def _thrown_by_code(message: str, frames: list[str], source: str, column: int) -> bool:
    """Return whether the script or a built-in function created the error; such errors have no line number."""
    if not frames:
        return False
    name = message.partition(":")[0]
    return any("(native)" in frame for frame in frames[:2]) or source[column - 1 :].startswith(f"{name}(")


def _callee(source: str, column: int) -> str:
    before = _CALLEE_BEFORE.search(source[: column - 1], max(0, column - 1 - _NEAR))
    after = _CALLEE_AFTER.match(source[column - 1 :])
    receiver = before[0] if before else ""
    if receiver.startswith("["):
        receiver = "(intermediate value)" + receiver.partition("]")[2]
    elif before is not None and before["group"]:
        receiver = "(intermediate value)" + receiver[1:]
    elif receiver.startswith("'"):
        receiver = re.sub(r"^'([^']*)'", r'"\1"', receiver)
    found = re.sub(r"^this\b", "<this>", receiver + (after[0] if after else ""))
    return found or "(intermediate value)"


def _not_callable(callee: str, bindings: Mapping[str, Any]) -> str:
    method = _INPUT_METHOD.fullmatch(callee)
    if method is not None:
        receiver: Any = bindings.get("$")
        for key in method[1].split(".")[1:]:
            receiver = receiver.get(key) if isinstance(receiver, dict) else None
        kind = "LinkedHashMap" if isinstance(receiver, dict) else "ArrayList" if isinstance(receiver, list) else None
        if kind is not None and not (kind == "LinkedHashMap" and method[2] in receiver):
            return f"invokeMember ({method[2]}) on java.util.{kind} failed due to: Unknown identifier: {method[2]}"
    return f"{callee} is not a function"


def run_javascript(
    script: str,
    bindings: Mapping[str, Any],
    *,
    timeout: float = DEFAULT_TIMEOUT,
    memory: int = DEFAULT_MEMORY,
    plain_objects: bool = True,
) -> Any:
    """Run a script and return the value of its last statement as JSON; undefined is None, and NaN is "NaN".

    Args:
        script: ECMAScript in script mode: no ``return`` outside of functions, no modules.
        bindings: JSON values by the name of their global variable, usually ``{"$": input}``. They are copied.
        timeout: Seconds that the script may take.
        memory: Bytes of memory that the script may use.
        plain_objects: Whether maps are plain objects; otherwise they behave like the OSS server's Java maps.

    Raises:
        ScriptError: The script is invalid, threw an error, or needs more memory.
        ScriptTimeoutError: The script took too long.
    """
    require("_quickjs", "quickjs-ng", "JavaScript")
    payload = dumps(bindings)
    marked, longs = mark_longs(bindings, payload)
    if longs:
        payload = dumps(marked)
    maps = java_methods(script) if plain_objects else _STRICT_MAPS
    steps = [f"({step.strip()})(names);" for step in (longs, maps) if step]
    prepare = f"(names) => {{ {' '.join(steps)} }}" if steps else ""
    try:
        about, value = POOL.run("javascript", script, payload, timeout, memory=memory, prepare=prepare)
    except TimeoutError:
        raise _too_long(timeout) from None
    except WorkerDiedError:
        raise _out_of_memory(memory) from None
    if "error" in about:
        raise _script_error(about["error"], script, bindings, timeout, memory)
    return json.loads(value)


def check_javascript(script: str) -> None:
    """Check the syntax of a script without running it.

    Raises:
        ScriptError: The script has a syntax error.
    """
    require("_quickjs", "quickjs-ng", "JavaScript")
    try:
        about, _ = POOL.run("check", script, b"", DEFAULT_TIMEOUT, memory=DEFAULT_MEMORY)
    except TimeoutError:
        raise _too_long(DEFAULT_TIMEOUT) from None
    except WorkerDiedError:
        raise _out_of_memory(DEFAULT_MEMORY) from None
    error = about.get("error", "")
    if error.startswith("SyntaxError"):
        raise ScriptError(reason(error, script, skipped=about["skipped"]))


def _too_long(seconds: float) -> ScriptTimeoutError:
    return ScriptTimeoutError(f"Script not evaluated within {seconds:g} seconds, interrupted.")


def _out_of_memory(memory: int) -> ScriptError:
    return ScriptError(f"Error evaluating the script `it needs more than {memory // 1024 // 1024} MB of memory`")


def _script_error(text: str, script: str, bindings: Mapping[str, Any], timeout: float, memory: int) -> ScriptError:
    if text.startswith("InternalError: interrupted"):
        return _too_long(timeout)
    if text.startswith(("null", "InternalError: out of memory", "out of memory")):
        return _out_of_memory(memory)
    return ScriptError(f"Error evaluating the script {reason(text, script, bindings=bindings)}")
