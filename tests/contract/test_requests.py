"""What is sent: each operation by one public method, with the verb, path, query, headers and body of the documents."""

from cases import each
from surface.declared import declared
from surface.documents import documents, in_scope, stating
from surface.table import table
from surface.validation import problems
from surface.wire import exchange

CALLED = [key for key in table() if key in declared()]
BY_EDITION = [(key, document.name) for key in CALLED for document in stating(key)]


@each(("key", "edition"), BY_EDITION)
def test_the_request_is_valid_by_the_document(key, edition):
    document = documents()[edition]
    wire = exchange(table()[key], document)

    assert wire.sent(key), f"sent {[(one.request.method, one.request.url) for one in wire.asked]}"
    assert [problem for asked in wire.sent(key) for problem in problems(document, key, asked)] == []


@each("key", CALLED)
def test_the_query_has_the_names_that_the_documents_state_and_no_others(key):
    call = table()[key]
    asked = [one for document in stating(key) for one in exchange(call, document).sent(key)]

    sent = {name for one in asked for name, _ in one.query} - call.undocumented
    stated = {name for document in stating(key) for name in document.parameters(key, "query")}
    assert sent == stated


@each("key", CALLED)
def test_the_headers_that_the_documents_state_are_sent(key):
    stated = {name.lower() for document in stating(key) for name in document.parameters(key, "header")}

    asked = [one for document in stating(key) for one in exchange(table()[key], document).sent(key)]
    assert stated <= {name.lower() for one in asked for name in one.request.headers}


@each("key", CALLED)
def test_a_body_is_sent_where_one_is_stated_and_nowhere_else(key):
    has_body = any(document.body(key) is not None for document in stating(key))

    for document in stating(key):
        for asked in exchange(table()[key], document).sent(key):
            assert (asked.request.body is not None) == has_body


def test_the_table_has_no_operation_out_of_scope():
    assert not table().keys() - in_scope().keys()
