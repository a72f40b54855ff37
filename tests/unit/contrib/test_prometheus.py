from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from conductor.contrib.prometheus import ConductorCollector
from conductor.transport.events import WorkflowStartFailed
from conductor.worker.events import PollCompleted, PollStarted
from conductor.worker.metrics import MetricsCollector, as_text


class Handler:
    def __init__(self):
        self.collector = MetricsCollector()

    def metrics(self):
        return self.collector.snapshot()


def samples(text):
    return {
        (s.name, tuple(sorted((k, str(float(v)) if k == "le" else v) for k, v in s.labels.items()))): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


def test_a_collector_of_a_client_can_be_registered_too():
    collector = MetricsCollector()
    registry = CollectorRegistry()
    registry.register(ConductorCollector(collector))
    collector.on_client_event(WorkflowStartFailed("order", ValueError()))
    labels = (("exception", "ValueError"), ("workflowType", "order"))
    assert samples(generate_latest(registry).decode())["workflow_start_error_total", labels] == 1


def test_the_library_and_our_own_text_say_the_same():
    handler = Handler()
    registry = CollectorRegistry()
    registry.register(ConductorCollector(handler))
    handler.collector.on_poll_started(PollStarted("a", 1))
    handler.collector.on_poll_completed(PollCompleted("a", 1, 0.3))
    handler.collector.on_request("GET", "/tasks/{taskId}", 200, 0.2)
    theirs = samples(generate_latest(registry).decode())
    assert theirs == samples(as_text(handler.metrics()))
    assert theirs["task_poll_total", (("taskType", "a"),)] == 1
