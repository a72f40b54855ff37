"""Databases, rules, secrets, tokens, mails and alerts; most of these tasks exist only on Orkes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from typing_extensions import Unpack

from conductor._internal.durations import timedelta_to_seconds
from conductor.workflow.step import Options, Step, make
from conductor.workflow.tasks.wire import given

__all__ = [
    "business_rule",
    "get_signed_jwt",
    "jdbc",
    "opsgenie",
    "query_processor",
    "sendgrid",
    "update_secret",
    "update_task",
]


def jdbc(
    integration: Any,
    statement: Any,
    parameters: Sequence[Any] | Any = (),
    *,
    kind: str = "SELECT",
    expected_update_count: int | None = None,
    connection: Any = None,
    **options: Unpack[Options],
) -> Step:
    """Run an SQL statement (``JDBC``).

    Args:
        integration: The database integration's name.
        statement: SQL with ``?`` for its parameters.
        parameters: The values of the parameters.
        kind: ``SELECT`` or ``UPDATE``.
        expected_update_count: The task fails if the statement updates a different number of rows.
        connection: The id of the connection, without an integration (deprecated).
        options: See ``Options``.
    """
    values = list(parameters) if isinstance(parameters, tuple) else parameters
    inputs = given(
        integration_name=integration,
        connection_id=connection,
        statement=statement,
        parameters=values,
        type=kind,
        expected_update_count=expected_update_count,
    )
    step: Step = make("JDBC", inputs, options)
    return step


def business_rule(
    file: Any,
    columns: Mapping[str, Any] | Any,
    outputs: Sequence[str] | Any,
    *,
    strategy: str = "FIRE_FIRST",
    cache_minutes: int | None = None,
    **options: Unpack[Options],
) -> Step:
    """Evaluate a rule table (``BUSINESS_RULE``, Orkes).

    Args:
        file: The location of the rule table.
        columns: The values of the input columns, by column.
        outputs: The columns to return.
        strategy: ``FIRE_FIRST`` or ``FIRE_ALL``.
        cache_minutes: Minutes to cache the table.
        options: See ``Options``.
    """
    parameters = given(
        rule_file_location=file,
        execution_strategy=strategy,
        input_columns=columns,
        output_columns=outputs,
        cache_timeout_minutes=cache_minutes,
    )
    step: Step = make("BUSINESS_RULE", parameters, options)
    return step


def query_processor(
    kind: str = "CONDUCTOR_API",
    *,
    workflow_names: Any = None,
    statuses: Any = None,
    correlation_ids: Any = None,
    start_time_from: Any = None,
    start_time_to: Any = None,
    free_text: Any = None,
    **options: Unpack[Options],
) -> Step:
    """Search executions, metrics or events (``QUERY_PROCESSOR``, Orkes).

    Args:
        kind: ``CONDUCTOR_API``, ``METRICS`` or ``CONDUCTOR_EVENTS``.
        workflow_names: Names of definitions to search for.
        statuses: Statuses to search for.
        correlation_ids: Correlation ids to search for.
        start_time_from: The earliest start, in minutes ago.
        start_time_to: The latest start, in minutes ago.
        free_text: Text to search for.
        options: See ``Options``; ``inputs`` are the parameters of the other kinds.
    """
    parameters = given(
        workflow_names=workflow_names,
        statuses=statuses,
        correlation_ids=correlation_ids,
        query_type=kind,
        start_time_from=start_time_from,
        start_time_to=start_time_to,
        free_text=free_text,
    )
    step: Step = make("QUERY_PROCESSOR", parameters, options)
    return step


def update_secret(key: Any, value: Any, **options: Unpack[Options]) -> Step:
    """Store a secret (``UPDATE_SECRET``, Orkes).

    Args:
        key: The name of the secret.
        value: The value, usually a reference.
        options: See ``Options``.
    """
    step: Step = make("UPDATE_SECRET", {"_secrets": {"secretKey": key, "secretValue": value}}, options)
    return step


def get_signed_jwt(
    *,
    subject: Any,
    issuer: Any,
    audience: Any,
    private_key: Any,
    private_key_id: Any = None,
    ttl: int | timedelta = 3600,
    scopes: Sequence[Any] | Any = (),
    algorithm: str = "RS256",
    **options: Unpack[Options],
) -> Step:
    """Create a signed JSON web token (``GET_SIGNED_JWT``, Orkes).

    Args:
        subject: The subject (``sub``).
        issuer: The issuer (``iss``).
        audience: The audience (``aud``).
        private_key: The key to sign with: a reference to a secret.
        private_key_id: The key's id.
        ttl: Seconds, or a ``timedelta``, until the token expires.
        scopes: The scopes.
        algorithm: The algorithm, such as ``RS256``.
        options: See ``Options``.
    """
    inputs = given(
        subject=subject,
        issuer=issuer,
        private_key=private_key,
        private_key_id=private_key_id,
        audience=audience,
        ttl_in_second=timedelta_to_seconds(ttl, "ttl"),
        scopes=list(scopes) if isinstance(scopes, tuple) else scopes,
        algorithm=algorithm,
    )
    step: Step = make("GET_SIGNED_JWT", inputs, options)
    return step


def update_task(
    status: Any = "COMPLETED",
    *,
    workflow_id: Any = None,
    task_ref: Any = None,
    task_id: Any = None,
    output: Any = None,
    merge_output: bool = False,
    **options: Unpack[Options],
) -> Step:
    """Complete or fail a task of this or another execution (``UPDATE_TASK``, Orkes).

    Args:
        status: The task's new status.
        workflow_id: The id of the execution; needs ``task_ref``.
        task_ref: The task's reference name.
        task_id: The task's id, instead of ``workflow_id`` and ``task_ref``.
        output: The task's output.
        merge_output: Whether the output is merged with the existing output.
        options: See ``Options``.
    """
    inputs = given(
        task_status=status,
        workflow_id=workflow_id,
        task_ref_name=task_ref,
        task_id=task_id,
        merge_output=merge_output,
        task_output=output,
    )
    step: Step = make("UPDATE_TASK", inputs, options)
    return step


def sendgrid(
    *,
    sender: Any,
    to: Any,
    subject: Any,
    content: Any,
    content_type: str = "text/plain",
    configuration: Any = None,
    **options: Unpack[Options],
) -> Step:
    """Send an email (``SENDGRID``, Orkes).

    Args:
        sender: The sender's address.
        to: The recipient's address.
        subject: The subject.
        content: The body.
        content_type: The media type of the body.
        configuration: The name of the SendGrid integration.
        options: See ``Options``.
    """
    inputs = {"from": sender} | given(
        to=to, subject=subject, content_type=content_type, content=content, sendgrid_configuration=configuration
    )
    step: Step = make("SENDGRID", inputs, options)
    return step


def opsgenie(
    message: Any,
    *,
    alias: Any = None,
    alert_description: Any = None,
    responders: Any = None,
    visible_to: Any = None,
    actions: Any = None,
    tags: Any = None,
    details: Any = None,
    entity: Any = None,
    priority: Any = None,
    token: Any = None,
    **options: Unpack[Options],
) -> Step:
    """Create an Opsgenie alert (``OPS_GENIE``, Orkes).

    Args:
        message: The message.
        alias: The id with which Opsgenie recognizes duplicates.
        alert_description: The description.
        responders: Users and teams to notify, as ``{"type": "user", "username": ...}``.
        visible_to: Users and teams who can see the alert.
        actions: Names of custom actions.
        tags: Tags.
        details: Your own data, as a mapping.
        entity: The system that the alert is about.
        priority: ``P1`` to ``P5``.
        token: The API key: a reference to a secret.
        options: See ``Options``.
    """
    inputs = given(
        alias=alias,
        description=alert_description,
        visible_to=visible_to,
        message=message,
        responders=responders,
        details=details,
        actions=actions,
        tags=tags,
        entity=entity,
        priority=priority,
        token=token,
    )
    step: Step = make("OPS_GENIE", inputs, options)
    return step
