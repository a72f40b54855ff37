"""Starting executions."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.definitions import populate
from conductor.server.engine.start import new_execution
from conductor.server.engine.state import Execution
from conductor.server.engine.tree import DefinitionTree
from conductor.server.engine.world import RefusedError
from conductor.server.kernel import Kernel

Json = dict[str, Any]


class Starts:
    """Makes executions of definitions; populated definitions are kept until any definition changes."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._trees: dict[tuple[str, int], DefinitionTree] = {}

    def forget_definitions(self) -> None:
        """A definition has changed."""
        self._trees.clear()

    def create(self, request: Json) -> Execution:
        """A new execution, not yet decided.

        Raises:
            RefusedError: There is no such definition, or the input is null.
        """
        tree = self.tree_of(request)
        if request.get("input", {}) is None:
            raise RefusedError(400, "NULL input passed when starting workflow")
        world = self._kernel.world
        return self._kernel.touch(new_execution(request, tree, world.new_id(), world))

    def tree_of(self, request: Json) -> DefinitionTree:
        """The definition that a request names or brings."""
        given = request.get("workflowDef")
        if given is not None:
            return DefinitionTree(populate(given, self._kernel.world))
        name, version = request.get("name") or "", request.get("version")
        return self.registered_tree(name, version)

    def registered_tree(self, name: str, version: int | None) -> DefinitionTree:
        """A registered definition, populated; without a version the highest."""
        catalog = self._kernel.catalog
        chosen = version if version is not None else catalog.latest_version(name)
        definition = catalog.workflow_defs.get(name, {}).get(chosen) if chosen is not None else None
        if definition is None or chosen is None:
            shown = "null" if version is None else version
            raise RefusedError(404, f"No such workflow defined. name={name}, version={shown}")
        key = (name, chosen)
        if key not in self._trees:
            self._trees[key] = DefinitionTree(populate(definition, self._kernel.world))
        return self._trees[key]
