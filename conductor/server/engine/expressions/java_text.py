"""Convert JSON values to strings in Java's notation, ``[a, true, {b=1.0}]``, which is not JSON."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any

#: Characters that the OSS server's JSON library escapes although JSON does not require it.
_ESCAPED_TOO = re.compile("[\u007f-\u009f\u2000-\u20ff]")
_CLASSES = (
    (bool, "java.lang.Boolean"),
    (int, "java.lang.Integer"),
    (float, "java.lang.Double"),
    (list, "java.util.ArrayList"),
    (dict, "java.util.LinkedHashMap"),
)
#: The range in which Java writes a double without an exponent.
_PLAIN_FROM, _PLAIN_TO = 1e-3, 1e7


class Matches(list[Any]):
    """The matches of an indefinite JSONPath. In a longer string they appear as JSON, unlike a list of the document."""


def java_text(value: Any) -> str:
    """Return the value as the OSS server inserts it into a string: ``[1, two, {three=3}]``, ``null``, ``1.0E10``."""
    if isinstance(value, str):
        return value
    if isinstance(value, Matches):
        return _compact_json(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{java_text(key)}={java_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(java_text(item) for item in value) + "]"
    return scalar_text(value)


def cast_error(value: Any) -> str:
    """Return the OSS server's error for a JSON value that it casts to a string."""
    name = next((name for kind, name in _CLASSES if isinstance(value, kind)), "java.lang.Object")
    return (
        f"class {name} cannot be cast to class java.lang.String ({name} and java.lang.String are in module java.base "
        "of loader 'bootstrap')"
    )


def scalar_text(value: Any) -> str:
    """Return a number, boolean or null as Java prints it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return double_text(value) if isinstance(value, float) else str(value)


def double_text(value: float) -> str:
    """Return the result of Java's ``Double.toString``: plain from 0.001 to 10 million, otherwise ``1.0E10``."""
    if not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(value)]
    if value == 0 or _PLAIN_FROM <= abs(value) < _PLAIN_TO:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    power = len(digits) - 1 + int(exponent)
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{power}"


def _compact_json(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{_json_string(str(key))}:{_compact_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_compact_json, value)) + "]"
    return _json_string(value) if isinstance(value, str) else scalar_text(value)


def _json_string(text: str) -> str:
    escaped = json.dumps(text, ensure_ascii=False).replace("/", "\\/")
    return _ESCAPED_TOO.sub(lambda match: f"\\u{ord(match[0]):04X}", escaped)
