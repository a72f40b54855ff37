import io
import threading

import pytest

from conductor.server.oss.download import Progress, size_of, watching


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("steps", "lines"),
    [
        ([0, 50, 99], ["x   0% of 1 MB"]),
        ([0, 100_000, 150_000, 199_999, 210_000], ["x   0% of 1 MB", "x  10% of 1 MB", "x  21% of 1 MB"]),
        ([500_000, 1_000_000], ["x  50% of 1 MB", "x 100% of 1 MB"]),
        ([1_000_000, 2_000_000], ["x 100% of 1 MB"]),
    ],
)
def test_a_file_or_a_pipe_gets_a_line_for_every_tenth(steps, lines):
    out = io.StringIO()
    progress = Progress("x", 1_000_000, out)
    for done in steps:
        progress.show(done)
    progress.close()
    assert out.getvalue().splitlines() == lines


def test_a_terminal_gets_a_bar_in_one_line():
    out = Terminal()
    progress = Progress("x", 1_000_000, out)
    progress.show(0)
    progress.show(500_000)
    progress.show(1_000_000)
    progress.close()
    assert out.getvalue() == (
        f"\rx {'.' * 30}   0% of 1 MB\rx {'#' * 15}{'.' * 15}  50% of 1 MB\rx {'#' * 30} 100% of 1 MB\n"
    )


def test_only_files_that_match_are_measured_at_any_depth(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "jar.part").write_bytes(b"12345")
    (tmp_path / "jar").write_bytes(b"123")
    (tmp_path / "plugin").write_bytes(b"1")
    assert size_of(tmp_path, "jar*") == 8


def test_a_watch_measures_until_its_block_ends():
    seen = threading.Event()

    def measure():
        seen.set()
        return 100

    out = io.StringIO()
    before = threading.active_count()
    with watching(measure, Progress("x", 100, out), interval=0.001):
        assert seen.wait(10)
    assert out.getvalue() == "x 100% of 0 MB\n"
    assert threading.active_count() == before


def test_a_failed_block_is_not_shown_as_complete():
    out = io.StringIO()
    with pytest.raises(RuntimeError), watching(lambda: 100, Progress("x", 100, out), interval=60):
        raise RuntimeError
    assert out.getvalue() == ""
