"""Any valid definition goes through the language unchanged."""

from hypothesis import HealthCheck, given, settings

from conductor import Workflow
from conductor.testing.strategies import workflow_definitions

OF_ANY_NAME = {"UNKNOWN_OUTPUT"}  # generated references read outputs of any name, also of tasks whose outputs are known


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(workflow_definitions())
def test_a_generated_definition_is_read_checked_written_and_made_again(definition):
    wire = definition.to_dict()
    workflow = Workflow.from_def(definition)
    assert workflow.to_dict() == wire
    assert {problem.code for problem in workflow.validate() if problem.is_error} <= OF_ANY_NAME
    names = {}
    exec(compile(workflow.to_python(), "<written>", "exec"), names)
    assert names["workflow"].to_dict() == wire
    assert names["workflow"].to_def().to_dict() == wire
