"""Scripts against what the OSS server 3.32.3 answered.

`javascript.json` and `jq.json` hold values, errors with the same words, and what both refuse in other words.
"""

import json
import sys
import threading
import time
from pathlib import Path

import pytest
from cases import each

from conductor.server.scripting import javascript, jq, pool
from conductor.server.scripting.javascript import check_javascript, run_javascript
from conductor.server.scripting.jq import run_jq
from conductor.server.scripting.pool import POOL, ScriptError, ScriptTimeoutError

JAVASCRIPT = json.loads(Path(__file__).with_name("javascript.json").read_text(encoding="utf-8"))
JQ = json.loads(Path(__file__).with_name("jq.json").read_text(encoding="utf-8"))


def as_json(value):
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def run(script):
    return run_javascript(script, {"$": {**JAVASCRIPT["input"], "expression": script}})


@each(("script", "value"), JAVASCRIPT["values"])
def test_scripts_have_the_values_of_the_oss_server(script, value):
    assert as_json(run(script)) == as_json(value)


@each(("script", "reason"), JAVASCRIPT["errors"])
def test_failing_scripts_have_the_reasons_of_the_oss_server(script, reason):
    with pytest.raises(ScriptError) as caught:
        run(script)

    assert str(caught.value) == reason


@each(("script", "reason"), JAVASCRIPT["refused"])
def test_scripts_fail_with_the_error_type_of_the_oss_server(script, reason):
    with pytest.raises(ScriptError) as caught:
        run(script)

    assert str(caught.value).partition(":")[0] == reason.partition(":")[0]


@pytest.mark.parametrize(
    ("script", "value"),
    [
        ("JSON.stringify($.m)", '{"a":1,"b":{"c":[1,2]}}'),
        ("Object.keys($.m)", ["a", "b"]),
        ("'a' in $.m", True),
        ("$.hasOwnProperty('n')", True),
    ],
)
def test_maps_of_the_input_are_plain_objects(script, value):
    assert run(script) == value


def test_the_input_is_a_copy():
    given = {"list": [1], "map": {"a": 1}}

    run_javascript("$.list.push(2); $.map.a = 2; $.new = 1", {"$": given})

    assert given == {"list": [1], "map": {"a": 1}}


def test_scripts_do_not_see_each_other():
    run_javascript("globalThis.left = 1; Array.prototype.map = null; const c = 1", {})

    assert run_javascript("const c = typeof left; [c].map(x => x)", {}) == ["undefined"]


def test_a_script_cannot_change_how_its_value_is_serialized():
    script = "Object.keys = () => []; JSON.stringify = () => '9'; Number.isFinite = () => false; ({a: [1.5, 'x']})"

    assert run_javascript(script, {}) == {"a": [1.5, "x"]}


@pytest.mark.parametrize("number", [9007199254740993, -9007199254740993, 1234567890123456789, 12345678901234567890])
def test_large_integers_are_passed_on_exactly(number):
    given = {"id": number, "ids": [number, 1.5, True], "small": 9007199254740991}

    assert run_javascript("({id: $.id, all: $.ids.slice(), small: $.small})", {"$": given}) == {
        "id": number,
        "all": [number, 1.5, True],
        "small": 9007199254740991,
    }
    assert run_jq(".id, {i: .ids[0]}, .small", given) == [number, {"i": number}, 9007199254740991]
    assert run_jq("def f: .id; f", given) == [number]


def test_integers_of_the_input_stay_exact_and_computed_ones_are_doubles():
    given = {"a": 2**60 + 1, "b": 2**60 + 3, "c": 2**61 + 1}

    assert run_javascript("[$.a, $.b, $.c, 2 ** 60]", {"$": given}) == [*given.values(), 2**60]
    assert run_javascript("[$.a + 1, $.a == $.b, $.a === $.a, String($.b), Math.max($.a, 1)]", {"$": given}) == [
        2**60, False, True, str(2**60 + 3), 2**60,
    ]  # fmt: skip
    assert run_jq(".a, .c", given) == [2**60, 2**61 + 1]
    assert run_javascript("2 ** 62", {}) == 4611686018427387904


def test_an_endless_script_is_stopped():
    before = time.monotonic()

    with pytest.raises(ScriptTimeoutError, match=r"Script not evaluated within 0\.1 seconds, interrupted\."):
        run_javascript("while (true) {}", {}, timeout=0.1)

    assert time.monotonic() - before < 5


def test_catching_everything_does_not_evade_the_timeout():
    with pytest.raises(ScriptTimeoutError):
        run_javascript("for (;;) { try { for (;;) {} } catch (e) {} }", {}, timeout=0.1)


def test_a_result_of_any_length_is_returned():
    for script, length in [
        ("'a'.repeat(200).split('')", 200),
        ("[...Array(3000).keys()]", 3000),
        ("let s = ''; for (let i = 0; i < 9000; i++) s += 'xy'; s", 18000),
        ("'x'.repeat(300) + 'y'.repeat(300)", 600),
        ("new Map([...Array(500).keys()].map((n) => ['k' + n, 'v'.repeat(600)]))", 500),
    ]:
        assert len(run_javascript(script, {})) == length


def test_a_result_without_a_json_form_does_not_fail_the_server():
    assert [run_javascript(script, {}) for script in ("10n", "Symbol('a')", "10n ** 40n")] == [10, {}, {}]
    for script in ("throw 10n", "throw Symbol('a')", "throw {get message() { return 1 }}"):
        with pytest.raises(ScriptError, match="Error evaluating the script"):
            run_javascript(script, {})


def test_an_uninterruptible_script_is_killed():
    for run_it in (
        lambda: run_javascript("new Array(4294967295).join('')", {}, timeout=0.2),
        lambda: run_javascript("new RegExp('a|'.repeat(1e6)).test('b')", {}, timeout=0.2),
        lambda: run_javascript("throw {toString() { while (1); }}", {}, timeout=0.2),
        lambda: run_jq("[range(99999)|range(99999)|range(99999)]|length", {}, timeout=0.2),
    ):
        begin = time.monotonic()
        with pytest.raises(ScriptTimeoutError, match=r"not evaluated within 0\.2 seconds, interrupted\."):
            run_it()
        assert time.monotonic() - begin < 3
        assert run_javascript("1 + 1", {}) == 2


def test_a_script_that_aborts_its_process_fails_alone():
    for query in (".[400000000] = 1", "[.[] = 1 | .[900000000] = 2]"):
        with pytest.raises(ScriptError):
            run_jq(query, None)
    assert run_jq(".", 1) == [1]


def test_a_script_sees_neither_environment_nor_files(monkeypatch):
    monkeypatch.setenv("CONDUCTOR_AUTH_SECRET", "hidden")
    assert run_jq("def f(env): 1; env.CONDUCTOR_AUTH_SECRET", {}) == [None]
    assert run_jq("def f(env): 1; env", {}) == [{}]
    for query in ('import "x" as x; 1', 'include "x"; 1', "input_filename", "[inputs]"):
        with pytest.raises(ScriptError):
            run_jq(query, {})
    names = "['std', 'os', 'require', 'process', 'import', 'fetch', 'setTimeout', 'Deno', 'print', 'loadScript']"
    assert run_javascript(f"{names}.filter((n) => n in globalThis)", {}) == []


def test_processes_are_reused_and_few_stay_idle():
    def work():
        results.append(run_javascript("let n = 0; for (let i = 0; i < 2e5; i++) n += 1; n", {}))

    results = []
    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [200_000] * 12
    assert POOL.size <= 2
    first = POOL._idle[-1]._process.pid
    assert [run_javascript("1", {}) for _ in range(20)] == [1] * 20
    assert POOL._idle[-1]._process.pid == first
    POOL.close_idle()
    assert POOL.size == 0


def test_more_scripts_than_processes_wait_their_turn(monkeypatch):
    monkeypatch.setattr(pool, "MAX_WORKERS", 2)
    results = []

    def work(script):
        try:
            results.append(run_javascript(script, {}, timeout=0.3))
        except ScriptTimeoutError:
            results.append("late")

    scripts = ["while (true) {}"] * 3 + ["7"] * 3
    threads = [threading.Thread(target=work, args=(script,)) for script in scripts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, results)) == ["7", "7", "7", "late", "late", "late"]


def test_memory_is_limited():
    with pytest.raises(ScriptError, match="needs more than 8 MB of memory"):
        run_javascript("const l = []; for (;;) l.push('x'.repeat(1000) + l.length)", {}, memory=8 * 1024 * 1024)


def test_recursion_goes_deep_and_ends_on_any_thread():
    found = []

    def work():
        found.append(run_javascript("function r(n) { return n ? 1 + r(n - 1) : 0 } r(500)", {}))
        with pytest.raises(ScriptError, match="RangeError: Maximum call stack size exceeded` at line 1"):
            run_javascript("function r() { return r() + 1 } r()", {})
        found.append("ended")

    work()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert found == [500, "ended", 500, "ended"]


def test_a_value_that_contains_itself_is_an_error():
    with pytest.raises(ScriptError, match="Maximum call stack size exceeded"):
        run_javascript("const a = []; a.push(a); a", {})


@pytest.mark.parametrize("script", ["$.x > 1", "nope.at.all", "throw 1", "while (true) {}", "", "'use strict'"])
def test_checking_runs_nothing(script):
    check_javascript(script)


def test_checking_finds_syntax_errors():
    with pytest.raises(ScriptError, match="(?s)SyntaxError: inline:1:3 Expected an operand but found .*at line 1"):
        check_javascript("1 +* 2")


@each(("query", "values"), JQ["values"])
def test_queries_have_the_values_of_the_oss_server(query, values):
    assert run_jq(query, {**JQ["input"], "queryExpression": query}) == values


@each(("query", "reason"), JQ["errors"])
def test_failing_queries_have_the_reasons_of_the_oss_server(query, reason):
    with pytest.raises(ScriptError) as caught:
        run_jq(query, {**JQ["input"], "queryExpression": query})

    assert str(caught.value) == reason


@each(("query", "reason"), JQ["refused"])
def test_queries_that_fail_on_the_oss_server_fail(query, reason):
    with pytest.raises(ScriptError):
        run_jq(query, {**JQ["input"], "queryExpression": query})


@pytest.mark.parametrize(
    "query",
    [
        "{now, input: 1}",
        ".now",
        '"now"',
        "def now: 1; now",
        "def f(path): path; f(2)",
        "1 # now",
        "{if: 1, end: 2}",
        "if 1 then (if 2 then . else 1 end) else . end",
        "del(.now) | del(.a[0].b)",
        "[1] as [$a, $b] | {$a}",
        "[.now?][0]?",
        ". as {now: $x} | $x",
    ],
)
def test_names_that_only_look_like_missing_functions_are_allowed(query):
    assert run_jq(query, {"now": 1}) is not None


@pytest.mark.parametrize("query", ["def f: f; f", "until(false; .)", "[recurse(.)]"])
def test_an_endless_query_is_stopped(query):
    with pytest.raises(ScriptTimeoutError, match=r"Query not evaluated within 0\.3 seconds, interrupted\."):
        run_jq(query, {}, timeout=0.3)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit a process's memory")
def test_a_query_that_needs_too_much_memory_fails():
    with pytest.raises(ScriptError, match="needs more than 512 MB of memory"):
        run_jq('reduce range(1000000) as $i ("xxxxxxxx"; . + .)', {}, timeout=20)


def test_a_query_in_a_separate_process_has_the_same_results():
    assert run_jq("def f(x): x * 2; f(.n), .t", {"n": 3, "t": "\u00e4"}) == [6, "\u00e4"]
    with pytest.raises(ScriptError, match='^Cannot index number with string "x"$'):
        run_jq("def f: .n.x; f", {"n": 3})


def test_the_environment_cannot_be_read_by_a_query():
    for query in ["env", "$ENV", "[1, env.HOME]", "{a: env}", '"\\(env)"']:
        with pytest.raises(ScriptError, match="does not exist|Undefined variable"):
            run_jq(query, {})


@pytest.mark.parametrize(
    ("call", "package"),
    [
        (lambda: run_javascript("1", {}), "quickjs-ng"),
        (lambda: check_javascript("1"), "quickjs-ng"),
        (lambda: run_jq(".", {}), "jq"),
    ],
)
def test_a_missing_interpreter_is_an_error_that_names_the_extra(monkeypatch, call, package):
    monkeypatch.setattr(pool, "_is_installed", lambda module: False)

    with pytest.raises(ScriptError, match=rf"package {package}, .*the extra server: pip install "):
        call()


def test_lists_and_maps_have_java_methods_and_stay_plain_data():
    given = {"l": ["a", "b"], "m": {"a": 1}}
    for script, value in (
        ("[$.l.contains('a'), $.l.size(), $.l.get(1), $.l.stream().count()]", [True, 2, "b", 2]),
        ("[$.m.get('a'), $.m.get('z'), $.m.containsKey('a'), $.m.size()]", [1, None, True, 1]),
        ("$.l.add('c'); [$.l, $.l.map(x => x + 1), $.l instanceof Array]", [["a", "b", "c"], ["a1", "b1", "c1"], True]),
        ("$.m.size(); [Object.keys($.m), JSON.stringify($.m), {...$.m}]", [["a"], '{"a":1}', {"a": 1}]),
        ("var seen = []; $.m.size(); for (const key in $.m) seen.push(key); seen", ["a"]),
    ):
        assert run_javascript(script, {"$": given}) == value, script


def test_any_query_of_jq_is_adapted_in_linear_time():
    count = 20_000
    for query in (
        '"' + '\\"' * count,
        '"' + "\\(" * count,
        "def a(" * count,
        "1" * count,
        "1." * count,
        "1e" * count,
        "del(.a) | " * (count // 10),
        "if " * count,
        "?//" * count,
        '"\\(a)"' * count,
    ):
        begin = time.process_time()
        jq.adapted(query)
        jq.refusal(query)
        assert time.process_time() - begin < 10, query[:20]


def test_reasons_are_found_in_linear_time():
    for source in ("x" + ".a" * 50_000 + " ", "[a]" * 50_000, "a" * 100_000 + "!"):
        for message in ("TypeError: not a function", "SyntaxError: invalid redefinition of lexical identifier"):
            begin = time.process_time()
            javascript.reason(f"{message}\n    at <eval> (<input>:1:{len(source)})", source)
            assert time.process_time() - begin < 5, (source[:10], message)
