"""Programs of conductor-python run on the embedded server after ``conductor migrate``, without another change."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conductor.cli.main import main

OLD = Path(__file__).parent / "old_programs"
#: The output of each program that can run; the others are imported.
EXPECTED = {
    "greet": "Hello Ada COMPLETED True True False\nTrue\n",
    "steps": "b: ada@example.com (long) ada 120\nb: bob@example.com (long)\n",
    "control": "9 left US COMPLETED\nTERMINATED False\n8\n",
    "class_worker": "slow [('seen', 7)]\nplain [('worker', 'plain')]\nthird [('result', 8)]\nTrue\n",
    "clients": "0\nCOMPLETED {'x': 1} c1\nCOMPLETED\nenough\n404 True True\nTrue\n",
    "context": "poll COMPLETED 0 None\nresult COMPLETED None 1\nfail FAILED_WITH_TERMINAL_ERROR None None\n",
    "thumbs": "COMPLETED {'n': 6, 'plain': True}\n",
    "room": "['COMPLETED', 'IN_PROGRESS'] 0\nTrue\nTrue room\nend of test\nroom_nightly True\n1 room True\n",
    "agent": "COMPLETED 30 big 42\n['big', 'decide', 'fan']\n",
    "booking": "RUNNING approve\n204\nCOMPLETED\n404\n",
    "soc": "COMPLETED 9\n",
    "shop": "3\n('shop_price', True, True)\n",
    "builders": "HTTP HTTP HTTP HTTP_POLL KAFKA_PUBLISH EVENT EVENT DYNAMIC FORK_JOIN_DYNAMIC JOIN DO_WHILE DO_WHILE "
    "SUB_WORKFLOW SUB_WORKFLOW START_WORKFLOW HUMAN WAIT WAIT WAIT_FOR_WEBHOOK SWITCH LLM_CHAT_COMPLETE "
    "LLM_TEXT_COMPLETE LLM_INDEX_TEXT FORK_JOIN JOIN\n"
    '{"body": {"a": 1}, "headers": {"x": ["1"]}, "method": "POST", "readTimeOut": 500, '
    '"uri": "${workflow.input.url}"}\n'
    "oops False True\n",
}


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    shutil.copytree(OLD, folder, dirs_exist_ok=True)
    assert main(["migrate", "--write", "--no-diff", str(folder)]) == 0
    return folder


def test_migrated_programs_run_and_print_what_they_should(migrated, server):
    environment = {**os.environ, "CONDUCTOR_SERVER_URL": server.url, "PYTHONUTF8": "1"}
    running = {
        name: subprocess.Popen(
            [sys.executable, f"{name}.py"],
            cwd=migrated,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in (*EXPECTED, "orkes")
    }
    try:
        printed = {name: one.communicate(timeout=120) for name, one in running.items()}
    finally:
        for one in running.values():
            one.kill()
            one.wait(30)
    for name, text in EXPECTED.items():
        assert printed[name][0] == text, f"{name}: {printed[name][1]}"
    assert running["orkes"].returncode == 0, printed["orkes"][1]


def test_nothing_of_conductor_python_is_left_in_them(migrated):
    left = [path.name for path in migrated.glob("*.py") if "conductor.client." in path.read_text("utf-8")]
    assert left == []


def test_migrating_them_again_changes_nothing(migrated):
    before = {path: path.read_bytes() for path in migrated.glob("*.py")}
    assert main(["migrate", "--write", "--no-diff", str(migrated)]) == 0
    assert {path: path.read_bytes() for path in before} == before
