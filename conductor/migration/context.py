"""State that the parts of the rewriter share: the names of a program, the names to import, and findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import libcst as cst
from attrs import Factory, define, frozen

from conductor.migration.kinds import Kinds, Scope
from conductor.migration.table import ATTRIBUTES

__all__ = ["Context", "Finding", "PublicNames"]

#: Advice about the logging options of the old configuration.
LOGGING = "logging is the application's: use logging.basicConfig() and logging.getLogger('conductor').setLevel(...)"
#: The space around "=" of a keyword argument.
EQUAL = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
#: The kinds of objects that are executions.
RUNS = frozenset({"WorkflowRun", "WorkflowExecution"})
#: Replacements that the errors of the new classes suggest, for methods that cannot be rewritten.
SUCCESSORS: Mapping[str, Mapping[str, str]] = {
    "ConductorWorkflow": ATTRIBUTES["conductor.workflow.builder.Workflow"],
    "WorkflowExecutor": ATTRIBUTES["conductor.clients.client.ConductorClient"],
    "WorkflowClient": ATTRIBUTES["conductor.clients.workflows.WorkflowClient"],
    "PromptClient": ATTRIBUTES["conductor.clients.integrations.PromptClient"],
    "AuthorizationClient": {
        "upsert_user": "client.users.save(user_id, name, roles=..., groups=...)",
        "upsert_group": "client.groups.save(group_id, description, roles=...)",
        "create_application": "client.applications.create(name)",
        "update_application": "client.applications.update(application_id, name)",
        "create_role": "client.roles.create(name, permissions)",
        "update_role": "client.roles.update(name, permissions)",
    },
    "TaskContext": ATTRIBUTES["conductor.worker.context.TaskContext"],
}


@frozen
class PublicNames:
    """Names of this SDK that the rewriting needs to know.

    Attributes:
        top: The names that ``conductor`` exports.
        models: The names that ``conductor.models`` exports.
        options: The keywords of a step that are not inputs.
    """

    top: frozenset[str]
    models: frozenset[str]
    options: frozenset[str]


@frozen
class Finding:
    """A place in the program that a person has to check.

    Attributes:
        line: The line in the old program.
        reason: The reason, and what to do.
        is_open: Whether the program cannot run without a change; otherwise only its behavior differs.
    """

    line: int
    reason: str
    is_open: bool = True


@define(eq=False)
class Context:
    """A program that is rewritten.

    Attributes:
        kinds: The kinds of objects that the names of the program refer to.
        names: The public names of this SDK.
        line_of: The line of a node in the old program.
        uses_join: Whether the program has its own joins.
        findings: Places that a person has to check.
        stack: The names of the functions and classes around the node that is visited.
        needs: The local names of objects to import, by module and name.
        kept: Old names that stay in the program.
    """

    kinds: Kinds
    names: PublicNames
    line_of: Callable[[cst.CSTNode], int]
    uses_join: bool
    findings: list[Finding] = Factory(list)
    stack: list[str] = Factory(list)
    needs: dict[tuple[str, str], str] = Factory(dict)
    kept: set[str] = Factory(set)

    @property
    def scope(self) -> Scope:
        return tuple(self.stack)

    def report(self, node: cst.CSTNode, reason: str, *, is_open: bool = True) -> None:
        self.findings.append(Finding(self.line_of(node), reason, is_open))

    def need(self, module: str, name: str) -> str:
        """Return the local name of a name of this SDK, and import it."""
        module = "conductor" if module == "conductor.models" and name in self.names.top else module
        local = name if name not in self.kinds.bound else f"{name.rstrip('_')}_step"
        if module != "conductor.workflow" and name in self.kinds.bound:
            local = f"Conductor{name}" if name[0].isupper() else f"conductor_{name}"
        self.needs[module, name] = local
        return local
