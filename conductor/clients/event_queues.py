"""Queues that events come from, as Orkes keeps their configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conductor.clients._resource import Resource
from conductor.clients.checks import as_model, as_object
from conductor.models import ConnectivityTestInput, ConnectivityTestResult
from conductor.models.codec import dumps, to_jsonable
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["EventQueues"]

LIST: Operation[dict[str, Any]] = Operation("GET", "/event/queue/config", dict, edition=Edition.ORKES, on_empty=dict)
GET: Operation[dict[str, Any]] = Operation(
    "GET", "/event/queue/config/{queueType}/{queueName}", dict, edition=Edition.ORKES, on_empty=dict
)
SAVE: Operation[None] = Operation("PUT", "/event/queue/config/{queueType}/{queueName}", edition=Edition.ORKES)
DELETE: Operation[None] = Operation("DELETE", "/event/queue/config/{queueType}/{queueName}", edition=Edition.ORKES)
TEST: Operation[ConnectivityTestResult] = Operation(
    "POST", "/event/queue/connectivity", ConnectivityTestResult, Repeat.NEVER, Edition.ORKES
)


class EventQueues(Resource):
    """Queue configurations; part of ``client.events``."""

    def list_queue_configs(self) -> dict[str, str]:
        """Name to type of all configured queues (``GET /event/queue/config``, Orkes)."""
        return self._call(LIST)

    def get_queue_config(self, queue_type: str, queue_name: str) -> dict[str, Any]:
        """A queue's configuration (``GET /event/queue/config/{queueType}/{queueName}``, Orkes)."""
        return self._call(GET, {"queueType": queue_type, "queueName": queue_name})

    def save_queue_config(self, queue_type: str, queue_name: str, config: Mapping[str, Any]) -> None:
        """Configure a queue (``PUT /event/queue/config/{queueType}/{queueName}``, Orkes).

        Args:
            queue_type: ``kafka``, ``sqs``, ``amqp`` and so on.
            queue_name: The queue or topic.
            config: The provider's properties; the server takes them as one text, which is made here.
        """
        text = dumps(to_jsonable(as_object(config, "configuration of a queue"))).decode()
        self._call(SAVE, {"queueType": queue_type, "queueName": queue_name}, body=text)

    def delete_queue_config(self, queue_type: str, queue_name: str) -> None:
        """Remove a queue's configuration (``DELETE /event/queue/config/{queueType}/{queueName}``, Orkes)."""
        self._call(DELETE, {"queueType": queue_type, "queueName": queue_name})

    def test_connectivity(self, test: ConnectivityTestInput | Mapping[str, Any]) -> ConnectivityTestResult:
        """Send a message through a queue and see whether it arrives (``POST /event/queue/connectivity``, Orkes)."""
        return self._call(TEST, body=as_model(test, ConnectivityTestInput))
