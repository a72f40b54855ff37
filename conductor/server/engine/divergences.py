"""Where the embedded server may do what is documented, or what the real server does instead."""

from __future__ import annotations

from attrs import frozen


@frozen
class Divergences:
    """A choice for each place where the real server 3.32.3 has a fault or a trap; the defaults are what is documented.

    Attributes:
        free_slots_at_once: A task beyond ``concurrentExecLimit`` can be polled as soon as a slot is free; the real
            server puts it off by 60 s.
        handlers_at_once: A new event handler works at once; the real server looks for new events every 60 s.
        refuse_loop_marks: ``__`` in a reference name of a loop's body is refused; the real server takes it, and never
            ends the loop.
        resolve_failure_workflow: ``failureWorkflow: ${workflow.input.x}`` starts what the input names; on the real
            server it starts nothing.
        answer_partial_batches: A batch poll answers with what is there; the real server waits until it has all that
            was asked for, or the time is over.
        plain_objects: Maps in scripts are plain objects; on the real server they are Java maps, which
            ``JSON.stringify`` writes as ``{}``.
        trim_lists: ``IN (a, b)`` of a search finds both; the real server takes the blank for a part of the second.
        limit_rates: ``rateLimitPerFrequency`` of a task definition holds; the real server with SQLite only stores it.
        honour_idempotency_keys: A start with a key that was used makes no second execution; the real server ignores
            the key.
    """

    free_slots_at_once: bool = True
    handlers_at_once: bool = True
    refuse_loop_marks: bool = True
    resolve_failure_workflow: bool = True
    answer_partial_batches: bool = True
    plain_objects: bool = True
    trim_lists: bool = True
    limit_rates: bool = True
    honour_idempotency_keys: bool = True


DOCUMENTED = Divergences()
STRICT = Divergences(
    free_slots_at_once=False,
    handlers_at_once=False,
    refuse_loop_marks=False,
    resolve_failure_workflow=False,
    answer_partial_batches=False,
    plain_objects=False,
    trim_lists=False,
    limit_rates=False,
    honour_idempotency_keys=False,
)
