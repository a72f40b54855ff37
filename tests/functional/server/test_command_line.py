import re
import signal
import socket

import pytest


@pytest.fixture
def run(spawn, fake_java, fake_jar):
    def run_server(*words, mode="good"):
        fakes = ["--java", fake_java, "--jar", fake_jar, "--property", f"fake.mode={mode}"]
        return spawn("-m", "conductor.server", "--engine", "oss", "--port", "0", *fakes, *words)

    return run_server


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_line_reports_the_ready_server_and_a_signal_stops_it(run, number, tmp_path, is_free):
    process = run("--dir", str(tmp_path / "data"))
    line = process.stdout.readline()
    found = re.fullmatch(
        r"Conductor is ready at http://127\.0\.0\.1:(\d+)/api \(Swagger UI http://\S+/swagger-ui\.html, "
        r"log (\S+)\); Ctrl-C stops it\n",
        line,
    )
    assert found, line
    assert found[2] == str(tmp_path / "data" / "server.log")
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")
    assert is_free(int(found[1]))


def test_a_signal_during_the_start_exits_with_status_0(run, tmp_path, becomes):
    process = run("--dir", str(tmp_path), mode="never")
    log = tmp_path / "server.log"
    becomes(lambda: log.exists() and "starts" in log.read_text(), "the server starts")
    process.terminate()
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0


def test_a_failed_start_exits_with_status_3(run):
    process = run(mode="exits")
    _out, err = process.communicate(timeout=20)
    assert process.returncode == 3
    assert "it went wrong: the reason" in err
    assert "Traceback" not in err


def test_an_unexpected_end_of_the_server_exits_with_status_3(run, tmp_path, becomes):
    process = run("--dir", str(tmp_path), "--property", f"fake.end={tmp_path / 'end'}", mode="ends")
    process.stdout.readline()
    (tmp_path / "end").touch()
    _out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (
        3,
        f"The server stopped unexpectedly with exit status 9; see {tmp_path / 'server.log'}\n",
    )


def test_a_port_in_use_exits_with_status_3(run):
    with socket.create_server(("127.0.0.1", 0)) as other:
        process = run("--port", str(other.getsockname()[1]))
        _out, err = process.communicate(timeout=20)
    assert process.returncode == 3
    assert err.count("\n") == 1
    assert "cannot be used" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--java", "/no/java"], "java is '/no/java', which does not run; it must be "),
        (["--jar", "/no/jar"], "jar is '/no/jar'; allowed: the path of a file."),
        (["--heap", "x"], "heap is 'x'; allowed: "),
    ],
)
def test_an_invalid_setting_prints_one_line_and_exits_with_status_2(run, words, said):
    process = run(*words)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    assert err.startswith(said)
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "words", [["--engine", "other"], ["--port", "x"], ["--port", "99999"], ["--property", "x"], ["--log-level", "x"]]
)
def test_wrong_usage_exits_with_status_2(run, words):
    process = run(*words)
    _out, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert f"argument {words[0]}" in err


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["--heap", "1g"], "--heap"),
        (["--property", "a=b"], "--property"),
        (["--engine", "oss", "--db", "x.db"], "--db"),
        (["--engine", "oss", "--strict"], "--strict"),
    ],
)
def test_an_option_of_the_other_engine_is_refused(spawn, words, option):
    process = spawn("-m", "conductor.server", "--port", "0", *words)
    _out, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert f"{option}: not available with --engine" in err


def test_the_embedded_engine_is_the_default(spawn):
    process = spawn("-m", "conductor.server", "--port", "0")
    line = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=20)
    assert "embedded" in line, line + err
    assert process.returncode == 0


def test_help_names_the_engines_and_the_exit_statuses(run):
    process = run("--help")
    out, _err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "--engine {embedded,oss}" in out
    assert "Exit status: 0 stopped on request, 2 wrong usage" in out
