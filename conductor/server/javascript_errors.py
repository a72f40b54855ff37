"""The interpreter's errors in the words of the real server's (GraalJS), as far as people meet them."""

from __future__ import annotations

import re

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
