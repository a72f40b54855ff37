"""What is sent: each operation by one public method, with the verb, path, query, headers and body of the documents."""

import pytest
from surface.documents import in_scope, stating
from surface.table import table
from surface.validation import problems


@pytest.mark.parametrize("key", table())
def test_the_request_is_valid_by_each_document_that_has_the_operation(send, wire, key):
    send(table()[key])

    asked = wire.sent(key)
    assert asked, f"sent {[str(other.key) for other in wire.asked]}"
    found = {document.name: [p for a in asked for p in problems(document, key, a)] for document in stating(key)}
    assert not any(found.values()), found


@pytest.mark.parametrize("key", table())
def test_the_query_has_the_names_that_the_documents_state_and_no_others(send, wire, key):
    call = table()[key]
    send(call)

    sent = {name for asked in wire.sent(key) for name, _ in asked.query} - call.undocumented
    stated = {name for document in stating(key) for name in document.parameters(key, "query")} - call.unsent

    assert sent == stated


@pytest.mark.parametrize("key", table())
def test_a_body_is_sent_where_one_is_stated_and_nowhere_else(send, wire, key):
    call = table()[key]
    send(call)

    has_body = any(document.body(key) is not None for document in stating(key))
    assert all((asked.request.body is not None) == has_body for asked in wire.sent(key))


@pytest.mark.parametrize("key", table())
def test_every_request_of_a_call_is_an_operation_that_is_known(send, wire, key):
    send(table()[key])

    assert all(asked.key for asked in wire.asked), [asked.request.url for asked in wire.asked if not asked.key]


def test_the_table_has_no_operation_out_of_scope():
    assert not table().keys() - in_scope().keys()
