"""Loggers whose callers never see what filters and handlers of the program raise."""

import logging
import threading

import pytest

from conductor._internal.logs import isolated_logger

KINDS = [ValueError, RecursionError, MemoryError, SystemExit, GeneratorExit, KeyboardInterrupt]


@pytest.fixture
def logger():
    made = isolated_logger("conductor.test_logs")
    yield made
    made.filters.clear()


def raise_from(logger, kind):
    def fail(_):
        raise kind("of the filter")

    logger.addFilter(fail)


def test_a_thread_survives_whatever_a_filter_raises(logger, capsys):
    def log():
        logger.error("a line")
        survived.append(True)

    for kind in KINDS:
        logger.filters.clear()
        raise_from(logger, kind)
        survived = []
        thread = threading.Thread(target=log)
        thread.start()
        thread.join(30)
        assert survived == [True], kind
        assert f"{kind.__name__}: of the filter" in capsys.readouterr().err


def test_ctrl_c_while_the_main_thread_logs_is_raised(logger):
    raise_from(logger, KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        logger.error("a line")


def test_a_record_names_the_line_that_logged_it(logger, caplog):
    logger.error("a line")
    assert caplog.records[-1].funcName == "test_a_record_names_the_line_that_logged_it"
    assert logging.getLogger("conductor.test_logs") is logger
