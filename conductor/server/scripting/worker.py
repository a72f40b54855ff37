"""The program of a script process: runs users' JavaScript, jq queries and regular expressions.

The server starts this file with an empty environment, and kills the process if a script takes too long. Before the
first script runs, the process drops the privileges that it does not need: to import modules, to open files and to start
processes.

A message consists of two lengths (four bytes each, big-endian), a JSON header and a payload. The file must not import
anything from the package, so that a script can access only its input.
"""

from __future__ import annotations

import json
import os
import re
import signal
import struct
import sys
from importlib import import_module
from typing import Any, BinaryIO

resource: Any
try:
    resource = import_module("resource")
except ImportError:  # Windows has no such limits; the server still kills the process after the timeout
    resource = None

#: Bytes of address space of one process: 64 MB for the script, and the interpreters and a large input.
MEMORY_LIMIT = 512 * 1024 * 1024
#: Bytes of stack, for about 530 nested calls; the limit of the OSS server is between 500 and 1,000.
_STACK = 900 * 1024
_LENGTHS = struct.Struct(">II")

# Runs a script and returns its value as JSON, like the OSS server: maps by their keys, functions and dates as empty
# objects, numbers that JSON lacks as strings. It saves the built-ins that it needs before the script can replace them.
# join() returns a flat string; the binding cannot convert a string that QuickJS stores as a tree.
_RUN = """
(function () {
  const evaluate = globalThis.eval, { isArray, from } = Array, { isView } = ArrayBuffer, { keys, is } = Object;
  const { isInteger, isFinite } = Number, big = BigInt, text = JSON.stringify, abs = Math.abs;
  const bound = (method) => Function.prototype.call.bind(method);
  const entries = bound(Map.prototype.entries), kind = bound(Object.prototype.toString);
  const map = bound(Array.prototype.map), join = bound(Array.prototype.join);
  const joined = (list, f) => {
    let out = "";
    for (let i = 0; i < list.length; i++) out += (i ? "," : "") + f(list[i]);
    return out;
  };
  const number = (v) => {
    if (!isFinite(v)) return text("" + v);
    if (is(v, -0)) return "-0.0";
    if (!isInteger(v) || abs(v) < 2 ** 53) return text(v);
    return abs(v) >= 2 ** 63 ? v.toExponential() : "" + big(v);
  };
  const digits = /^-?[0-9]+$/, matches = bound(RegExp.prototype.test), own = Object.hasOwn;
  const web = ["btoa", "atob", "structuredClone", "performance", "queueMicrotask", "navigator", "DOMException"];
  for (const name of web) delete globalThis[name];
  const json = (v) => {
    if (v instanceof Number && own(v, "exact") && matches(digits, v.exact)) return v.exact;
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
  return (source, names) => {
    for (const name of keys(names)) globalThis[name] = names[name];
    return join([json(evaluate(source))], "");
  };
})()
"""
_NEVER_RUN = "throw 0;"
_libraries: dict[str, Any] = {}


def _javascript(header: dict[str, Any], payload: str) -> tuple[dict[str, Any], str]:
    quickjs = _libraries["_quickjs"]
    context = quickjs.Context()
    context.set_max_stack_size(_STACK)
    run = context.eval(_RUN)
    names = context.parse_json(payload)
    if header["prepare"]:
        context.eval(header["prepare"])(names)
    context.set_memory_limit(header["memory"])
    context.set_time_limit(header["timeout"])
    try:
        return {}, run(header["script"], names)
    except quickjs.JSException as error:
        return {"error": str(error)}, ""


def _check(header: dict[str, Any], _: str) -> tuple[dict[str, Any], str]:
    quickjs = _libraries["_quickjs"]
    context = quickjs.Context()
    context.set_max_stack_size(_STACK)
    context.set_memory_limit(header["memory"])
    try:
        context.eval(_NEVER_RUN + header["script"])
    except quickjs.JSException as error:
        return {"error": str(error), "skipped": len(_NEVER_RUN)}, ""
    return {}, ""


_compiled: dict[str, Any] = {}
#: Compiled jq queries to keep.
_MAX_COMPILED = 64


def _jq(header: dict[str, Any], payload: str) -> tuple[dict[str, Any], str]:
    query = header["script"]
    try:
        if query not in _compiled:
            while len(_compiled) >= _MAX_COMPILED:
                del _compiled[next(iter(_compiled))]
            _compiled[query] = _libraries["jq"].compile(query)
        return {}, json.dumps(_compiled[query].input_text(payload).all())
    except ValueError as error:
        return {"error": str(error)}, ""


def _regex(header: dict[str, Any], payload: str) -> tuple[dict[str, Any], str]:
    try:
        found = re.compile(header["script"], header["flags"]).fullmatch(json.loads(payload))
    except (re.error, RecursionError, OverflowError) as error:
        return {"error": str(error)}, ""
    return {}, "true" if found else "false"


_JOBS = {"javascript": _javascript, "check": _check, "jq": _jq, "regex": _regex}


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Run jobs one after the other until the server closes the pipe."""
    while len(lengths := requests.read(_LENGTHS.size)) == _LENGTHS.size:
        head, size = _LENGTHS.unpack(lengths)
        header = json.loads(requests.read(head))
        payload = requests.read(size).decode("utf-8", "surrogatepass")
        _limit_processor_time(header["timeout"])
        try:
            about, text = _JOBS[header["job"]](header, payload)
        except MemoryError:
            about, text = {"error": "out of memory"}, ""
        except Exception as error:  # the bindings raise many types; the process must not end
            about, text = {"error": f"{type(error).__name__}: {error}"}, ""
        content, body = json.dumps(about).encode(), text.encode("utf-8", "surrogatepass")
        answers.write(_LENGTHS.pack(len(content), len(body)) + content + body)
        answers.flush()


def _limit_processor_time(seconds: float) -> None:
    """Let the operating system kill the process if the server has ended and cannot do so."""
    if resource is None:
        return
    # The limit counts the processor time of the whole process, earlier scripts included. Two seconds more than allowed,
    # so that the server's own limit is reached first.
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime + seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def drop_privileges(folders: list[str]) -> None:
    """Import the interpreters from these folders; then disable imports, opening files and starting processes."""
    sys.path[:0] = folders
    for name in ("_quickjs", "jq"):
        try:
            _libraries[name] = import_module(name)
        except ImportError:
            continue  # the server reports the missing package before it sends a script
    # From here on no import from a file can succeed.
    sys.path.clear()
    sys.path_importer_cache.clear()
    os.environ.clear()
    if resource is not None:
        # No new file descriptors (the open pipes stay), no new processes, no files; hard limits, which the process
        # cannot raise again.
        limits = [("RLIMIT_AS", MEMORY_LIMIT), ("RLIMIT_NOFILE", 0), ("RLIMIT_NPROC", 0)]
        for name, most in [*limits, ("RLIMIT_FSIZE", 0), ("RLIMIT_CORE", 0)]:
            try:
                resource.setrlimit(getattr(resource, name), (most, most))
            except (AttributeError, ValueError, OSError):
                continue  # the system does not have this limit, or a lower one is set
    if os.name == "posix":
        os.nice(5)  # the server takes precedence


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server handles Ctrl-C
    "".encode("utf-8", "surrogatepass")  # loads the codec while imports still work
    drop_privileges(sys.argv[1:])
    serve(sys.stdin.buffer, sys.stdout.buffer)
