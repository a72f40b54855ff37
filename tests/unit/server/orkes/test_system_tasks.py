"""The parts of Orkes' system tasks that need no server: polls, rule tables, signed tokens and SQL."""

import sqlite3
from contextlib import closing

import pytest
from engine_bench import Bench

from conductor.server.engine.commands import CallHttp
from conductor.server.engine.context import ScriptFailedError
from conductor.server.engine.extensions import Extensions
from conductor.server.engine.tasks.planning import Run
from conductor.server.engine.tasks.polling import HTTP_POLL, poll_delay
from conductor.server.engine.timeouts import next_deadline
from conductor.server.orkes.rule_table import apply_rules, matches
from conductor.server.orkes.system_tasks import SqlError, run_sql


class Polling(Bench):
    """An execution with one HTTP_POLL task, whose condition is a function."""

    def __init__(self, condition, **more):
        request = {"uri": "http://x/y", "terminationCondition": "$.output", **more}
        task = {
            "name": "p",
            "taskReferenceName": "p",
            "type": "HTTP_POLL",
            "inputParameters": {"http_request": request},
        }
        extensions = Extensions(kinds={"HTTP_POLL": HTTP_POLL})
        super().__init__([task], script=lambda _, bindings: condition(bindings), extensions=extensions)

    @property
    def task(self):
        return self.execution.tasks[-1]

    def answer(self, body=None, fault=""):
        """Deliver the response to the call that is under way."""
        (call,) = [one for one in self.execution.commands if isinstance(one, CallHttp)]
        assert (call.request["uri"], call.request["method"]) == ("http://x/y", "GET")
        self.execution.commands.clear()
        response = None if fault else {"body": body, "headers": {}, "statusCode": 200, "reasonPhrase": "OK"}
        HTTP_POLL.answer(Run(self.execution, self.context, self.task, None), response, fault)
        self.advance()


def test_a_poll_repeats_its_call_until_the_condition_is_true():
    for strategy, delays in (
        ("FIXED", [60, 60]), ("LINEAR_BACKOFF", [60, 120]), ("EXPONENTIAL_BACKOFF", [120, 240]),
    ):  # fmt: skip
        bench = Polling(lambda bindings: bindings["output"]["response"]["body"]["done"], pollingStrategy=strategy)
        for polls, delay in enumerate(delays, 1):
            bench.answer({"done": False})
            assert (bench.task["status"], bench.task["pollCount"]) == ("IN_PROGRESS", polls)
            assert bench.task["callbackAfterSeconds"] == delay
            assert next_deadline(bench.execution) == bench.now + delay * 1000
            bench.after(delay - 0.001)
            assert not bench.execution.commands
            bench.after(0.001)
        bench.answer({"done": True})
        assert (bench.status, bench.task["pollCount"]) == ("COMPLETED", 3)
        assert bench.task["outputData"]["response"]["body"] == {"done": True}


def _broken(_):
    raise ScriptFailedError("SyntaxError")


def test_a_poll_fails_by_its_condition_its_call_or_its_limit():
    for condition, more, body, fault, reason in (
        (lambda _: -1, {}, {}, "", "returned -1"),
        (_broken, {}, {}, "", "Failed to invoke the terminationCondition: SyntaxError"),
        (lambda _: True, {}, None, "refused", "Failed to invoke HTTP task due to: refused"),
        (lambda _: 0, {"maxPollCount": "1"}, {}, "", "is not true after 1 calls"),
    ):
        bench = Polling(condition, **more)
        bench.answer(body, fault)
        assert bench.task["status"] == "FAILED"
        assert reason in bench.task["reasonForIncompletion"]
    for given in ({"uri": None}, {"terminationCondition": ""}):
        assert Polling(lambda _: True, **given).task["status"] == "FAILED"
    bench = Polling(lambda bindings: 1 if bindings["output"]["status"] == 200 else 0)
    bench.answer({})
    assert bench.status == "COMPLETED", "1 counts as true"
    assert poll_delay("EXPONENTIAL_BACKOFF", 60, 10**9) < 2**31


TABLE = """country,amount,name,kind,rate
DE,>= 100,startsWith(A),!inList({x}),1.5
"=inList({DE, FR})",< 100,,,2
US,,contains(b),,"createList({a, 2})"
,,,length >= 3,true
"""


def test_rules_apply_row_by_row():
    outputs = ["rate"]
    for columns, expected in (
        ({"country": "DE", "amount": 100, "name": "Ada", "kind": "y"}, {"rate": 1.5}),
        ({"country": "FR", "amount": 99.5, "name": "B", "kind": ""}, {"rate": 2}),
        ({"country": "US", "amount": 5, "name": "abc"}, {"rate": ["a", 2]}),
        ({"country": "XX", "kind": "four"}, {"rate": True}),
        ({"country": "XX", "kind": "y"}, {}),
    ):
        assert apply_rules(TABLE, columns, outputs, all_rows=False) == expected
    both = {"country": "DE", "amount": 1, "kind": "four"}
    assert apply_rules(TABLE, both, outputs, all_rows=True) == {"rate": True}, "later rows win"
    for columns, names in (({"none": 1}, []), ({}, ["none"])):
        with pytest.raises(ValueError, match="no column none"):
            apply_rules(TABLE, columns, names, all_rows=False)
    assert apply_rules("", {}, [], all_rows=False) == {}


def test_cells_of_rules():
    for cell, value, is_match in (
        ("5", 5.0, True), ("= 5", "5", True), ("!= 5", 6, True), ("<5", 4, True), ("<= 5", 6, False),
        ("> 2024-01-31", "2024-02-01", True), ("< 2024-01-31", "2024-02-01", False), ("10", 9, False),
        ('"a"', "a", True), ("true", True, True), ("endsWith(z)", "xyz", True), ('contains("y")', "xyz", True),
        ("matches([a-z]+)", "abc", True), ("matches([a-z]+)", "ab1", False), ("length = 3", "abc", True),
        ("inList({a, b})", "b", True), ("!=inList({a, b})", "b", False), ("!=inList({a, b})", "c", True),
        ("", None, True), ("a", None, False),
    ):  # fmt: skip
        assert matches(cell, value) == is_match, (cell, value)
    with pytest.raises(ValueError, match="regular expression"):
        matches("matches(()", "a")


def test_sql_runs_on_sqlite_and_keeps_nothing_that_was_not_expected(tmp_path):
    settings = {"datasourceURL": f"jdbc:sqlite:{tmp_path / 'db'}"}

    def run(statement, *parameters, kind="UPDATE", **more):
        return run_sql(settings, {"statement": statement, "parameters": list(parameters), "type": kind, **more})

    run("CREATE TABLE t (a INTEGER, b TEXT)")
    assert run("INSERT INTO t VALUES (?, ?), (2, 'y')", 1, "x", expectedUpdateCount=2) == {"update_count": 2}
    assert run("SELECT * FROM t WHERE a < ?", 2, kind="SELECT") == {"result": [{"a": 1, "b": "x"}]}
    with pytest.raises(SqlError, match="Update count 2 does not match with expected update count 3") as caught:
        run("DELETE FROM t", expectedUpdateCount=3)
    assert caught.value.output == {"update_count": 2}
    assert len(run("SELECT * FROM t", kind="SELECT")["result"]) == 2
    for bad in ("SELECT nothing", "", None):
        with pytest.raises(SqlError):
            run(bad, kind="SELECT")
    with pytest.raises(SqlError, match="failed"):
        run("SELECT ?", {"an": "object"}, kind="SELECT")
    with pytest.raises(SqlError, match="SQLite only"):
        run_sql({"datasourceURL": "jdbc:postgresql://x/y"}, {"statement": "SELECT 1"})
    with closing(sqlite3.connect(tmp_path / "db")) as database:
        assert database.execute("SELECT COUNT(*) FROM t").fetchone() == (2,)
