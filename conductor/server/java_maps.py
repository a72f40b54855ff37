"""The maps of scripts as the real server has them: Java's, not JavaScript's.

Its interpreter shows them as objects whose members are read and written as usual, but whose own properties are Java's
methods: `JSON.stringify` writes them as `{}`, and `Object.keys` lists the methods.
"""

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
