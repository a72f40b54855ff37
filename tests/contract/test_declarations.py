"""What the clients declare: every operation in scope, once or alike, with its editions."""

from cases import each
from surface import beyond
from surface.declared import declared
from surface.documents import in_scope

from conductor.transport.operation import Repeat

# Operations that a server has although its document does not state them.
UNDOCUMENTED = {"GET /api/version": "BOTH"}  # the open-source server answers 3.32.3


# What a second request would do once more, undo, or meet with an error that hides the first one's success.
TWICE = [
    "GET /api/tasks/poll/{tasktype}",
    "GET /api/tasks/poll/batch/{tasktype}",
    "GET /api/workflow/execute/{name}",
    "POST /api/applications",
    "POST /api/applications/{id}/accessKeys",
    "POST /api/applications/{applicationId}/accessKeys/{keyId}/status",
    "POST /api/event",
    "POST /api/event/handleIncomingEvent",
    "POST /api/human/tasks/{taskId}/claim",
    "POST /api/human/tasks/{taskId}/externalUser/{userId}",
    "POST /api/integrations/eventStats/{type}",
    "POST /api/metadata/webhook",
    "POST /api/prompts/test",
    "POST /api/queue/update/{workflowId}/{taskRefName}/{status}",
    "POST /api/tasks/{taskId}/log",
    "POST /api/tasks/{workflowId}/{status}/signal",
    "POST /api/tasks/{workflowId}/{status}/signal/sync",
    "POST /api/tasks/update-v2",
    "POST /api/workflow/{name}",
    "POST /api/workflow/{workflowId}/rerun",
    "POST /api/workflow/{workflowId}/restart",
    "POST /api/workflow/{workflowId}/retry",
    "POST /webhook/{id}",
    "PUT /api/workflow/{workflowId}/resume",
    "PUT /api/workflow/{workflowId}/skiptask/{taskReferenceName}",
]


def test_nothing_is_declared_that_no_document_states():
    assert declared().keys() - in_scope().keys() == beyond.CALLS.keys()


def test_an_operation_that_several_modules_declare_is_the_same_in_each():
    assert {key: places for key, places in declared().items() if len(set(places.values())) > 1} == {}


def test_an_operation_names_the_editions_that_have_it():
    named = {key: {one.edition.name for one in places.values()} for key, places in declared().items()}
    editions = {key: UNDOCUMENTED.get(key, row.editions) for key, row in in_scope().items()}

    assert {key: names for key, names in named.items() if key in editions and names != {editions[key]}} == {}


def test_only_starts_are_repeated_with_a_key():
    starts = [one for places in declared().values() for one in places.values() if one.repeat is Repeat.WITH_KEY]

    assert {str(one) for one in starts} == {
        "POST /workflow",
        "POST /workflow/start/{name}/{version}",
        "POST /workflow/execute/{name}",
        "POST /workflow/execute/{name}/{version}",
    }


@each("key", TWICE)
def test_what_a_repetition_would_do_twice_is_never_repeated(key):
    assert key in in_scope()
    assert {one.repeat for one in declared().get(key, {}).values()} <= {Repeat.NEVER}
