"""`conductor server start`, and the command line without its extra."""

import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from conductor._internal.installation import install_command


def test_a_server_starts_and_stops_with_status_0(background, tmp_path):
    process = background("server", "start", "--port", "0", "--db", "kept.db")
    ready = re.search(r"ready at (http://127\.0\.0\.1:\d+/api) \(embedded", process.stdout.readline())

    with urllib.request.urlopen(f"{ready[1]}/version", timeout=10) as answer:
        assert answer.status == 200
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert (tmp_path / "kept.db").exists()


def test_a_strict_server_says_so(background):
    process = background("server", "start", "--port", "0", "--strict")

    assert "strict" in process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)


def test_a_wrong_engine_is_status_2(cli):
    done = cli("server", "start", "--engine", "steam")

    assert (done.status, "steam" in done.err) == (2, True)


def test_a_mistyped_option_is_status_2_with_a_suggestion(cli):
    done = cli("server", "start", "--prot", "1")

    assert done.status == 2
    assert "error: unknown argument: --prot; did you mean '--port'?" in done.err


def test_help_lists_every_option_of_each_engine(cli):
    done = cli("server", "start", "--help")

    assert done.status == 0
    assert done.out.startswith("usage: conductor server start ")
    for option in ("--db", "--edition", "--strict", "--backend", "--url", "--property", "--heap"):
        assert f"  {option}" in done.out
    assert cli("server", "ui", "--help").out.startswith("usage: conductor server ui ")


@pytest.mark.parametrize(
    ("path", "reason"),
    [("nowhere/kept.db", "the folder 'nowhere' does not exist"), (".", "it is a folder; name a file in it")],
)
def test_a_database_that_cannot_be_used_is_status_2_and_a_sentence(cli, path, reason):
    done = cli("server", "start", "--port", "0", "--db", path)

    assert done.status == 2
    assert done.err == f"Cannot use the database {path!r}: {reason}.\n"


def test_without_its_extra_the_command_line_says_what_to_install():
    code = "import sys; sys.modules['click'] = None; from conductor.cli.main import main; sys.exit(main([]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 2
    assert done.stderr == f"The command line needs click. Install the extra cli: {install_command('cli')}\n"
