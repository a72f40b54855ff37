"""JavaScript that gives a script's input the methods and numbers that it has on the OSS server.

There, lists and maps of the input are Java objects, so scripts may call ``$.list.contains(x)`` or ``$.map.get(key)``.
The methods are not enumerable: spread, ``for..in``, ``Object.keys`` and ``JSON.stringify`` do not see them. Integers
that a double cannot represent become objects that keep their digits and calculate as doubles.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

#: Doubles represent all integers up to this one.
_EXACT_TO = 2**53
_LONG = re.compile(rb"[0-9]{16}")
_JAVA_CALL = re.compile(
    r"\.\s*(?:add|addAll|addFirst|addLast|clear|contains|containsAll|containsKey|containsValue|entrySet|equals|forEach|get|"
    r"getFirst|getLast|getOrDefault|isEmpty|iterator|keySet|put|putAll|putIfAbsent|remove|removeFirst|removeIf|"
    r"removeLast|removeAll|retainAll|set|size|stream|subList|toArray|values)\s*\("
)

_JAVA_METHODS = """
(names) => {
  const { keys, values, hasOwn, setPrototypeOf, is } = Object, { isArray, from } = Array;
  const same = (a, b) => is(a, b) || (isArray(a) && isArray(b) && a.length === b.length
    && a.every((v, i) => same(v, b[i])));
  const list = (items) => setPrototypeOf(items, JavaList.prototype);
  const optional = (found) => ({ isPresent: () => found.length > 0, isEmpty: () => found.length === 0,
    get: () => found[0], orElse: (other) => found.length ? found[0] : other });
  const stream = (items) => ({
    count: () => items.length, toList: () => list([...items]), toArray: () => list([...items]),
    filter: (f) => stream(items.filter((v) => f(v))), map: (f) => stream(items.map((v) => f(v))),
    anyMatch: (f) => items.some((v) => f(v)), allMatch: (f) => items.every((v) => f(v)),
    noneMatch: (f) => !items.some((v) => f(v)), forEach: (f) => items.forEach((v) => f(v)),
    distinct: () => stream(items.filter((v, i) => items.findIndex((o) => same(o, v)) === i)),
    limit: (n) => stream(items.slice(0, n)), skip: (n) => stream(items.slice(n)),
    sorted: (f) => stream([...items].sort(f ?? ((a, b) => a < b ? -1 : a > b ? 1 : 0))),
    findFirst: () => optional(items.slice(0, 1)), findAny: () => optional(items.slice(0, 1)),
    reduce: (start, f) => items.reduce((a, v) => f(a, v), start),
  });
  class JavaList extends Array {
    static get [Symbol.species]() { return Array; }
    add(...given) {
      if (given.length > 1) { this.splice(given[0], 0, given[1]); return undefined; }
      this.push(given[0]);
      return true;
    }
    addAll(items) { this.push(...items); return items.length > 0; }
    addFirst(item) { this.unshift(item); }
    addLast(item) { this.push(item); }
    clear() { this.length = 0; }
    contains(item) { return this.some((v) => same(v, item)); }
    containsAll(items) { return [...items].every((v) => this.contains(v)); }
    equals(other) { return same(this, other); }
    get(index) {
      if (index < 0 || index >= this.length) {
        throw new Error(`Index ${index} out of bounds for length ${this.length}`);
      }
      return this[index];
    }
    getFirst() { return this.get(0); }
    getLast() { return this.get(this.length - 1); }
    isEmpty() { return this.length === 0; }
    iterator() { let i = 0; return { hasNext: () => i < this.length, next: () => this[i++] }; }
    remove(item) {
      if (typeof item === "number") return this.splice(item, 1)[0];
      const at = this.findIndex((v) => same(v, item));
      if (at >= 0) this.splice(at, 1);
      return at >= 0;
    }
    removeAll(items) { return this.removeIf((v) => items.includes(v)); }
    removeFirst() { return this.shift(); }
    removeIf(f) {
      const kept = this.filter((v) => !f(v)), changed = kept.length < this.length;
      this.splice(0, this.length, ...kept);
      return changed;
    }
    removeLast() { return this.pop(); }
    retainAll(items) { return this.removeIf((v) => !items.includes(v)); }
    set(index, item) { const old = this.get(index); this[index] = item; return old; }
    size() { return this.length; }
    stream() { return stream(this); }
    subList(start, end) { return list([...this.slice(start, end)]); }
    toArray() { return list([...this]); }
  }
  class JavaMap {
    containsKey(key) { return hasOwn(this, key); }
    containsValue(item) { return values(this).some((v) => same(v, item)); }
    clear() { keys(this).forEach((key) => { delete this[key]; }); }
    entrySet() { return list(keys(this).map((key) => ({ getKey: () => key, getValue: () => this[key] }))); }
    forEach(f) { keys(this).forEach((key) => f(key, this[key])); }
    get(key) { return hasOwn(this, key) ? this[key] : null; }
    getOrDefault(key, other) { return hasOwn(this, key) ? this[key] : other; }
    isEmpty() { return keys(this).length === 0; }
    keySet() { return list(keys(this)); }
    put(key, item) { const old = this.get(key); this[key] = item; return old; }
    putAll(items) { Object.assign(this, items); }
    putIfAbsent(key, item) { const old = this.get(key); if (old === null) this[key] = item; return old; }
    remove(key) { const old = this.get(key); delete this[key]; return old; }
    size() { return keys(this).length; }
    values() { return list(values(this)); }
  }
  delete JavaMap.prototype.constructor;
  const change = (v) => {
    if (v === null || typeof v !== "object" || v instanceof Number) return;
    values(v).forEach(change);
    setPrototypeOf(v, isArray(v) ? JavaList.prototype : JavaMap.prototype);
  };
  values(names).forEach(change);
}
"""

_LONGS = """
(names) => {
  const known = new Map(), digits = /^-?[0-9]+$/;
  const long = (text) => {
    if (!known.has(text)) {
      const made = new Number(text), hidden = (value) => ({ value });
      Object.defineProperties(made, {
        exact: hidden(text),
        toString: hidden(() => text),
        [Symbol.toPrimitive]: hidden((hint) => hint === "string" ? text : Number(text)),
      });
      known.set(text, made);
    }
    return known.get(text);
  };
  const change = (holder, key) => {
    const v = holder[key];
    if (v === null || typeof v !== "object") return;
    if (Object.hasOwn(v, TOKEN) && digits.test(v[TOKEN])) holder[key] = long(v[TOKEN]);
    else Object.keys(v).forEach((inner) => change(v, inner));
  };
  Object.keys(names).forEach((key) => change(names, key));
}
"""


def java_methods(script: str) -> str:
    """Return JavaScript that gives lists and maps their Java methods; "" if the script calls none of them."""
    return _JAVA_METHODS if _JAVA_CALL.search(script) else ""


def mark_longs(bindings: Mapping[str, Any], payload: bytes) -> tuple[Mapping[str, Any], str]:
    """Mark the integers that a double cannot represent.

    Args:
        bindings: The input of a script.
        payload: The input as JSON, in which they are found faster.

    Returns:
        The marked input, and JavaScript that replaces the marks by numbers; "" if there are no such integers.
    """
    if not _LONG.search(payload):
        return bindings, ""
    token = f"long:{secrets.token_hex(8)}"
    return _marked(bindings, token), _LONGS.replace("TOKEN", f'"{token}"')


def _marked(value: Any, token: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _marked(item, token) for key, item in value.items()}
    if isinstance(value, list):
        return [_marked(item, token) for item in value]
    is_long = isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _EXACT_TO
    return {token: str(value)} if is_long else value
