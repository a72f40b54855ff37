"""Allow a group to execute a workflow."""

from conductor import ConductorClient
from conductor.models import SubjectRef, SubjectType, TargetRef, TargetType

with ConductorClient() as client:
    support = SubjectRef(id="example_support", type=SubjectType.GROUP)
    refund = TargetRef(id="example_refund", type=TargetType.WORKFLOW_DEF)
    client.permissions.grant(support, refund, ["READ", "EXECUTE"])

    for access, subjects in client.permissions.list(
        "WORKFLOW_DEF", "example_refund"
    ).items():
        print(access, [subject.id for subject in subjects])
