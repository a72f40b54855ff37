"""The types of tasks that use models, MCP servers and embeddings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.engine.decide import unexpected_error
from conductor.server.engine.extensions import TaskKind
from conductor.server.engine.state import FAILED, FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS
from conductor.server.engine.tasks.external import leave_open, plan_asynchronous
from conductor.server.engine.tasks.planning import Run
from conductor.server.orkes.model_api import ModelError
from conductor.server.orkes.model_calls import ModelCalls
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.http_calls import End, HttpCalls

Json = dict[str, Any]
logger = logging.getLogger(__name__)

#: Inputs that name an integration; an MCP server can also be given by its URL.
_INTEGRATIONS = ("llmProvider", "embeddingModelProvider", "vectorDB", "mcpServer")
#: Types that the server cannot run; they stay open until an update completes them.
_BY_HAND = ("LIST_FILES", "PARSE_DOCUMENT")


class ModelTasks:
    """Runs each task that uses a model on a separate thread.

    Args:
        kernel: The server's state.
        http_calls: Runs the calls and ends their tasks.
        models: The calls.
        may_use: Returns whether the principal with an id may use the integration with a name.
    """

    def __init__(
        self,
        kernel: Kernel,
        http_calls: HttpCalls,
        models: ModelCalls,
        may_use: Callable[[str | None, str], bool],
    ) -> None:
        self._http_calls, self._models, self._may_use = http_calls, models, may_use
        kinds = dict.fromkeys(models.runners, TaskKind(plan_asynchronous, self._start))
        by_hand = dict.fromkeys(_BY_HAND, TaskKind(plan_asynchronous, leave_open, is_ended_by_update=True))
        kernel.extensions.kinds.update({**kinds, **by_hand})

    def _start(self, run: Run) -> None:
        run.task["status"] = IN_PROGRESS
        run.task["_isCalling"] = True
        given, creator = run.input_with_secrets, run.execution.workflow.get("createdBy")
        for name in (given.get(key) for key in _INTEGRATIONS):
            if isinstance(name, str) and name and "://" not in name and not self._may_use(creator, name):
                run.fail(f"You don't have permissions to execute integration: {name}", FAILED_WITH_TERMINAL_ERROR)
                return
        work = partial(self._work, run.task["taskType"], given)
        self._http_calls.run_later(run.execution.id, run.task["taskId"], work)

    def _work(self, kind: str, given: Json) -> End:
        """Run a task; returns the function that ends it."""
        try:
            output = self._models.runners[kind](given)
        except ModelError as error:
            return partial(_fail, str(error), FAILED_WITH_TERMINAL_ERROR if error.is_final else FAILED)
        except RefusedError as error:
            return partial(_fail, error.message, FAILED_WITH_TERMINAL_ERROR)
        except Exception as error:  # whatever the input or the response is, the task must get an outcome
            logger.warning("event=server.model_task_failed type=%s", kind, exc_info=True)
            return partial(_fail, unexpected_error(error), FAILED)
        return partial(_complete, output)


def _complete(output: Json, run: Run) -> None:
    run.complete(output)


def _fail(reason: str, status: str, run: Run) -> None:
    run.fail(reason, status)
