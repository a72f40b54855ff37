"""What the clients declare: every operation in scope, once or alike, with its editions."""

import pytest
from surface.declared import declared
from surface.documents import in_scope

from conductor.transport.operation import Repeat

# Operations that no document states: of servers with other settings (files, messages), and of newer or older ones.
BEYOND = {
    "PUT /api/metadata/workflow/{name}/rate-limit",
    "GET /api/metadata/workflow/{name}/rate-limit",
    "DELETE /api/metadata/workflow/{name}/rate-limit",
    "POST /api/files",
    "GET /api/files/{workflowId}/{fileId}",
    "GET /api/files/{workflowId}/{fileId}/upload-url",
    "POST /api/files/{workflowId}/{fileId}/upload-complete",
    "GET /api/files/{workflowId}/{fileId}/download-url",
    "GET /api/files/content/{workflowId}/{fileId}",
    "PUT /api/files/content/{workflowId}/{fileId}",
    "POST /api/files/{workflowId}/{fileId}/multipart",
    "GET /api/files/{workflowId}/{fileId}/multipart/{uploadId}/part/{partNumber}",
    "POST /api/files/{workflowId}/{fileId}/multipart/{uploadId}/complete",
    "DELETE /api/files/{workflowId}/{fileId}/multipart/{uploadId}",
    "POST /api/workflow/{workflowId}/messages",
    "GET /api/roles",
    "GET /api/roles/system",
    "GET /api/roles/custom",
    "GET /api/roles/permissions",
    "POST /api/roles",
    "GET /api/roles/{name}",
    "PUT /api/roles/{name}",
    "DELETE /api/roles/{name}",
    "GET /api/gateway/config/auth",
    "POST /api/gateway/config/auth",
    "GET /api/gateway/config/auth/{id}",
    "PUT /api/gateway/config/auth/{id}",
    "DELETE /api/gateway/config/auth/{id}",
    "GET /api/integrations/provider/{name}/metrics",
    "GET /api/integrations/provider/{name}/integration/{integration_name}/metrics",
}


# Operations that a server has although its document does not state them.
UNDOCUMENTED = {"GET /api/version": "BOTH"}  # the open-source server answers 3.32.3


def test_nothing_is_declared_that_no_document_states():
    assert declared().keys() - in_scope().keys() <= BEYOND


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
