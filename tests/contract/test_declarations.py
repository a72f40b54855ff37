"""What the clients declare: every operation in scope, once or alike, with its editions."""

import pytest
from surface import beyond
from surface.declared import declared
from surface.documents import in_scope

from conductor.transport.operation import Repeat

# Operations that a server has although its document does not state them.
UNDOCUMENTED = {"GET /api/version": "BOTH"}  # the open-source server answers 3.32.3


def test_nothing_is_declared_that_no_document_states():
    assert declared().keys() - in_scope().keys() <= beyond.CALLS.keys()


@pytest.mark.parametrize("key", sorted(declared()))
def test_an_operation_that_several_modules_declare_is_the_same_in_each(key):
    assert len(set(declared()[key].values())) == 1, declared()[key]


@pytest.mark.parametrize("key", sorted(in_scope().keys() & declared().keys()))
def test_an_operation_names_the_editions_that_have_it(key):
    assert {one.edition.name for one in declared()[key].values()} == {UNDOCUMENTED.get(key, in_scope()[key].editions)}


def test_what_a_repetition_would_do_twice_is_never_repeated():
    starts = [one for places in declared().values() for one in places.values() if one.repeat is Repeat.WITH_KEY]

    assert {str(one) for one in starts} == {
        "POST /workflow",
        "POST /workflow/start/{name}/{version}",
        "POST /workflow/execute/{name}",
        "POST /workflow/execute/{name}/{version}",
    }
