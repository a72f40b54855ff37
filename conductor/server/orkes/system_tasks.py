"""Task types that only Orkes' edition runs, except human tasks, webhooks and models."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import logging
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from attrs import frozen

from conductor.server.engine.commands import RunTask
from conductor.server.engine.context import RefusedError
from conductor.server.engine.decide import unexpected_error
from conductor.server.engine.definitions import render
from conductor.server.engine.expressions.inputs import bound_input
from conductor.server.engine.extensions import TaskKind
from conductor.server.engine.results import pending_task
from conductor.server.engine.state import COMPLETED, FAILED, IN_PROGRESS, Doc, Execution, is_done
from conductor.server.engine.tasks.blocking import YIELD
from conductor.server.engine.tasks.external import leave_open, plan_asynchronous
from conductor.server.engine.tasks.planning import Run
from conductor.server.engine.tasks.polling import HTTP_POLL
from conductor.server.orkes.access import CREATE, EXECUTE, READ, UPDATE
from conductor.server.orkes.integrations import Integrations
from conductor.server.orkes.permissions import refused
from conductor.server.orkes.rights import Rights
from conductor.server.orkes.rule_table import apply_rules
from conductor.server.orkes.secrets import Secrets
from conductor.server.orkes.tags import PROVIDER, SECRET, WORKFLOW
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.all import Services
from conductor.server.services.http_calls import End
from conductor.server.services.tasks import STATUSES, end_task

Json = dict[str, Any]

#: Prefix of the address of a SQLite database.
_PREFIX = "jdbc:sqlite:"
#: Keys of an integration that can have the address.
_ADDRESSES = ("datasourceURL", "jdbcUrl", "url", "endpoint")
#: Maximum number of rows that a statement returns.
_MAX_ROWS = 10_000
#: Maximum number of seconds of a statement, and the steps of SQLite's machine between two checks of the clock.
_MAX_SECONDS, _STEPS = 30.0, 10_000


class SqlError(Exception):
    """A statement failed; the message is the reason.

    Attributes:
        output: The output of the task.
    """

    def __init__(self, reason: str, output: Json | None = None) -> None:
        super().__init__(reason)
        self.output: Json = output or {}


def run_sql(settings: Json, given: Json) -> Json:
    """Run the statement of a JDBC task.

    Args:
        settings: The integration with the address of the database: ``jdbc:sqlite:/path``.
        given: The input of the task.

    Returns:
        The output: the rows of a SELECT in ``result``, otherwise the number of changed rows in ``update_count``.

    Raises:
        SqlError: The database is not SQLite, the statement failed, or it changed another number of rows than expected.
    """
    address = next((str(settings[key]) for key in _ADDRESSES if settings.get(key)), "")
    if not address.startswith(_PREFIX):
        raise SqlError("The embedded server runs JDBC tasks on SQLite only: the address must begin with jdbc:sqlite:")
    statement, parameters = given.get("statement"), given.get("parameters") or []
    if not isinstance(statement, str) or not statement.strip():
        raise SqlError("The JDBC task has no statement")
    if not isinstance(parameters, list):
        raise SqlError("The parameters of a JDBC task must be a list")
    try:
        with closing(sqlite3.connect(address.removeprefix(_PREFIX), timeout=5, isolation_level=None)) as database:
            until = time.monotonic() + _MAX_SECONDS
            database.set_progress_handler(lambda: int(time.monotonic() > until), _STEPS)
            database.set_authorizer(_authorize)
            database.row_factory = sqlite3.Row
            database.execute("BEGIN")
            cursor = database.execute(statement, parameters)
            if given.get("type") == "SELECT":
                output: Json = {"result": [dict(row) for row in cursor.fetchmany(_MAX_ROWS)]}
            else:
                output = {"update_count": max(cursor.rowcount, 0)}
                _check_count(given, output)
            database.execute("COMMIT")
            return output
    except (sqlite3.Error, sqlite3.Warning, TypeError, OverflowError) as error:
        raise SqlError(f"The statement failed: {error}") from None


def _authorize(action: int, *_: Any) -> int:
    """Refuse statements that reach other files: ATTACH, and VACUUM INTO, which uses it."""
    return sqlite3.SQLITE_DENY if action in {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH} else sqlite3.SQLITE_OK


def _check_count(given: Json, output: Json) -> None:
    for name in ("expectedUpdateCount", "expectedOutputCount"):
        expected, count = given.get(name), output["update_count"]
        if expected is not None and str(expected) != str(count):
            raise SqlError(f"Update count {count} does not match with expected update count {expected}", output)


_PEM = re.compile(r"-----BEGIN (RSA )?PRIVATE KEY-----(.+?)-----END (?:RSA )?PRIVATE KEY-----", re.DOTALL)
#: The beginning of the structure that RS256 signs: the algorithm SHA-256 in DER.
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
#: Tags of DER.
_INTEGER, _OCTETS, _SEQUENCE = 0x02, 0x04, 0x30
#: Bytes of the shortest padding of a signature.
_MIN_PADDING = 11


@frozen
class RsaKey:
    """A private RSA key."""

    modulus: int
    exponent: int

    def sign(self, message: bytes) -> bytes:
        """Return the signature RSASSA-PKCS1-v1_5 with SHA-256 of a message."""
        size = (self.modulus.bit_length() + 7) // 8
        digest = _SHA256 + hashlib.sha256(message).digest()
        if size < len(digest) + _MIN_PADDING:
            raise ValueError("The RSA key is too short")
        padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
        return pow(int.from_bytes(padded, "big"), self.exponent, self.modulus).to_bytes(size, "big")


def read_rsa_key(pem: str) -> RsaKey:
    """Return the private key of a PEM text, in PKCS #8 or PKCS #1.

    Raises:
        ValueError: The text is not an RSA private key.
    """
    found = _PEM.search(pem.replace("\\n", "\n"))
    if found is None:
        raise ValueError("The private key is not in PEM format (PKCS #8)")
    try:
        content = base64.b64decode("".join(found[2].split()), validate=True)
        parts = _parts(_expect(content, _SEQUENCE))
        if found[1] is None:
            parts = _parts(_expect(parts[2][1], _SEQUENCE))  # the key in PKCS #8
        numbers = [int.from_bytes(value, "big") for tag, value in parts if tag == _INTEGER]
        return RsaKey(modulus=numbers[1], exponent=numbers[3])
    except (binascii.Error, IndexError):
        raise ValueError("The private key is not an RSA key") from None


def _expect(content: bytes, tag: int) -> bytes:
    (found, value), *_ = _parts(content)
    if found != tag:
        raise ValueError("The private key is not an RSA key")
    return value


def _parts(content: bytes) -> list[tuple[int, bytes]]:
    """Return tag and value of each part of a DER text."""
    found, position = [], 0
    while position < len(content):
        tag, length, position = content[position], content[position + 1], position + 2
        if length & 0x80:
            count = length & 0x7F
            length, position = int.from_bytes(content[position : position + count], "big"), position + count
        found.append((tag, content[position : position + length]))
        position += length
    return found


def signed_jwt(claims: Json, key: RsaKey, key_id: str | None) -> str:
    """Return a token with these claims."""
    header = {"alg": "RS256", "typ": "JWT", **({} if key_id is None else {"kid": key_id})}
    text = ".".join(_encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    return f"{text}.{_encoded(key.sign(text.encode()))}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


#: Returns the output of a task.
Runner = Callable[[Execution, Json], Json]

logger = logging.getLogger(__name__)

#: Types that need systems outside of this server; they stay open until an update ends them.
_BY_HAND = ("GRPC", "OPS_GENIE", "SENDGRID")
#: Seconds until a token expires by default.
_TOKEN_SECONDS = 3600
#: Maximum number of executions that a query returns.
_MAX_FOUND = 1000
#: Milliseconds per minute: a search for executions gives times as minutes before now.
_MINUTE_MS = 60_000


class TaskFailedError(Exception):
    """A task fails; the message is the reason.

    Attributes:
        output: The output of the task.
    """

    def __init__(self, reason: str, output: Json | None = None) -> None:
        super().__init__(reason)
        self.output: Json = output or {}


class SystemTasks:
    """Runs the tasks of these types: some in a change of the server's state, some on a separate thread.

    Args:
        kernel: The server's state.
        services: The services of the default edition.
        secrets: The secrets that UPDATE_SECRET writes.
        integrations: The databases that JDBC uses.
        rights: Checks what the creator of an execution may do.
    """

    def __init__(
        self,
        kernel: Kernel,
        services: Services,
        secrets: Secrets,
        integrations: Integrations,
        rights: Rights,
    ) -> None:
        self._kernel, self._services = kernel, services
        self._secrets, self._integrations, self._rights = secrets, integrations, rights
        kinds = kernel.extensions.kinds
        kinds.update({"YIELD": YIELD, "HTTP_POLL": HTTP_POLL})
        kinds.update(dict.fromkeys(_BY_HAND, TaskKind(plan_asynchronous, leave_open, is_ended_by_update=True)))
        runners: dict[str, Runner] = {
            "GET_WORKFLOW": self._get_workflow,
            "TERMINATE_WORKFLOW": self._terminate,
            "UPDATE_TASK": self._update_task,
            "UPDATE_SECRET": self._update_secret,
            "GET_SIGNED_JWT": self._sign,
            "QUERY_PROCESSOR": self._query,
        }
        for name, runner in runners.items():
            kinds[name] = TaskKind(plan_asynchronous, _request_run)
            kernel.task_runners[name] = partial(self._run, runner)
        for name, work in (("JDBC", self._run_sql), ("BUSINESS_RULE", self._apply_rules)):
            kinds[name] = TaskKind(plan_asynchronous, partial(self._start_thread, work))

    def _run(self, runner: Runner, execution: Execution, task: Doc) -> None:
        """Run a task in the current change."""
        status, reason = COMPLETED, None
        try:
            output = runner(execution, bound_input(task, self._kernel.context))
        except TaskFailedError as error:
            status, reason, output = FAILED, str(error), error.output
        except RefusedError as error:
            status, reason, output = FAILED, error.message, {}
        except Exception as error:  # for any input, the task must get an outcome
            logger.warning("event=server.system_task_failed type=%s", task["taskType"], exc_info=True)
            status, reason, output = FAILED, unexpected_error(error), {}
        if not is_done(task):
            end_task(self._kernel, execution, task, status, output, reason)

    def _start_thread(self, work: Callable[[str | None, Json], Json], run: Run) -> None:
        run.task["status"] = IN_PROGRESS
        run.task["_isCalling"] = True
        given, creator = run.input_with_secrets, run.execution.workflow.get("createdBy")
        self._services.http_calls.run_later(run.execution.id, run.task["taskId"], partial(_work, work, creator, given))

    # -- in a change

    def _get_workflow(self, actor: Execution, given: Json) -> Json:
        execution = self._kernel.get(str(given.get("id")))
        self._rights.check_execution(actor, READ, execution.workflow["workflowName"])
        found = render(execution, include_tasks=given.get("includeTasks") is True)
        return {key: value for key, value in found.items() if key != "workflowDefinition"}

    def _terminate(self, actor: Execution, given: Json) -> Json:
        ids = given.get("workflowId")
        reason = given.get("terminationReason")
        triggers = given.get("triggerFailureWorkflow") is True
        terminated, faults = [], []
        for workflow_id in ids if isinstance(ids, list) else [ids]:
            try:
                name = self._kernel.get(str(workflow_id)).workflow["workflowName"]
                self._rights.check_execution(actor, EXECUTE, name)
                self._services.executions.terminate(
                    str(workflow_id), None if reason is None else str(reason), start_failure_workflow=triggers
                )
                terminated.append(workflow_id)
            except RefusedError as error:
                faults.append(error.message)
        if faults:
            raise TaskFailedError("; ".join(faults), {"terminatedWorkflows": terminated})
        return {"terminatedWorkflows": terminated}

    def _update_task(self, actor: Execution, given: Json) -> Json:
        status, output = given.get("taskStatus"), given.get("taskOutput") or {}
        if status not in STATUSES:
            raise TaskFailedError(f"taskStatus is {status!r}; it must be one of {', '.join(sorted(STATUSES))}")
        if not isinstance(output, dict):
            raise TaskFailedError("taskOutput must be an object")
        execution, task = self._located(given)
        self._rights.check_execution(actor, EXECUTE, execution.workflow["workflowName"])
        if is_done(task):
            raise TaskFailedError(f"The task {task['taskId']} has ended. Status = {task['status']}")
        if given.get("mergeOutput") is True:
            self._services.tasks.merge(execution, task, status, None, output)
        else:
            end_task(self._kernel, execution, task, status, output)
        return {"updatedTaskId": task["taskId"], "taskOutput": output}

    def _located(self, given: Json) -> tuple[Execution, Doc]:
        task_id, workflow_id, reference = given.get("taskId"), given.get("workflowId"), given.get("taskRefName")
        if task_id:
            owner = self._kernel.store.execution_of(str(task_id))
            execution = self._kernel.find(owner) if owner else None
            task = execution.task(str(task_id)) if execution is not None else None
        else:
            execution = self._kernel.get(str(workflow_id))
            task = pending_task(execution, str(reference))
        if execution is None or task is None:
            raise TaskFailedError(f"Found no open task {task_id or reference} to update")
        return execution, task

    def _update_secret(self, execution: Execution, given: Json) -> Json:
        secret = given.get("_secrets")
        if not isinstance(secret, dict) or not secret.get("secretKey") or secret.get("secretValue") is None:
            raise TaskFailedError("The input _secrets must have a secretKey and a secretValue")
        name, creator = str(secret["secretKey"]), execution.workflow.get("createdBy")
        access = UPDATE if self._secrets.has(name) else CREATE
        if not self._rights.may(creator, access, SECRET, name):
            raise refused(access, SECRET, name)
        self._secrets.put(name, str(secret["secretValue"]))
        return {}

    def _sign(self, _: Execution, given: Json) -> Json:
        algorithm, ttl = given.get("algorithm") or "RS256", given.get("ttlInSecond")
        if algorithm != "RS256":
            raise TaskFailedError(f"The algorithm {algorithm} is not available; use RS256")
        try:
            key = read_rsa_key(str(given.get("privateKey") or ""))
            seconds = _TOKEN_SECONDS if ttl is None else int(ttl)
            now = self._kernel.context.now // 1000
            scopes = given.get("scopes")
            claims = {
                "iss": given.get("issuer"),
                "sub": given.get("subject"),
                "aud": given.get("audience"),
                "iat": now,
                "exp": now + seconds,
                "scope": " ".join(map(str, scopes)) if isinstance(scopes, list) else scopes,
            }
            made = {name: value for name, value in claims.items() if value not in (None, "")}
            return {"_secrets": {"result": signed_jwt(made, key, given.get("privateKeyId"))}}
        except ValueError as error:
            raise TaskFailedError(str(error)) from None

    def _query(self, actor: Execution, given: Json) -> Json:
        kind = given.get("queryType") or "CONDUCTOR_API"
        if kind != "CONDUCTOR_API":
            raise TaskFailedError(f"The queryType {kind} is not available in the embedded server; use CONDUCTOR_API")
        now = self._kernel.context.now
        parts = []
        for name, field in (
            ("workflowType", "workflowNames"),
            ("correlationId", "correlationIds"),
            ("status", "statuses"),
        ):
            values = given.get(field)
            if values:
                parts.append(f"{name} IN ({','.join(map(str, values if isinstance(values, list) else [values]))})")
        for field, sign, name in (
            ("startTimeFrom", ">", "startTime"), ("startTimeTo", "<", "startTime"),
            ("endTimeFrom", ">", "endTime"), ("endTimeTo", "<", "endTime"),
        ):  # fmt: skip
            minutes = given.get(field)
            if minutes not in (None, ""):
                parts.append(f"{name} {sign} {now - int(minutes) * _MINUTE_MS}")
        query, text = " AND ".join(parts), str(given.get("freeText") or "*")
        found = self._services.search.workflows(query, text, "startTime:DESC", 0, _MAX_FOUND)
        creator = actor.workflow.get("createdBy")
        workflows = [one for one in found["results"] if self._rights.may(creator, READ, WORKFLOW, one["workflowType"])]
        hits = found["totalHits"] - len(found["results"]) + len(workflows)
        return {"result": {"totalHits": hits, "count": len(workflows), "workflows": workflows}}

    # -- on a separate thread

    def _run_sql(self, creator: str | None, given: Json) -> Json:
        name = str(given.get("integrationName") or given.get("connectionId"))
        try:
            if not self._rights.may(creator, EXECUTE, PROVIDER, name):
                raise TaskFailedError(refused(EXECUTE, PROVIDER, name).message)
            settings = self._integrations.open(name)
            if not self._rights.is_trusted(self._integrations.author(name)):
                reason = f"The integration {name} names a file of the server, so an administrator must save it"
                raise TaskFailedError(reason)
        except RefusedError:
            raise TaskFailedError(f"No such datasource configured by connectionId {name}") from None
        try:
            return run_sql(settings, given)
        except SqlError as error:
            raise TaskFailedError(str(error), error.output) from None

    def _apply_rules(self, creator: str | None, given: Json) -> Json:
        location, strategy = str(given.get("ruleFileLocation") or ""), given.get("executionStrategy") or "FIRE_FIRST"
        columns, outputs = given.get("inputColumns") or {}, given.get("outputColumns") or []
        if strategy not in {"FIRE_FIRST", "FIRE_ALL"}:
            raise TaskFailedError(f"executionStrategy is {strategy!r}; it must be FIRE_FIRST or FIRE_ALL")
        if not isinstance(columns, dict) or not isinstance(outputs, list):
            raise TaskFailedError("inputColumns must be an object, and outputColumns a list")
        if not location.partition("?")[0].lower().endswith(".csv"):
            raise TaskFailedError(f"The rule table {location!r} is not a CSV file; the embedded server reads no others")
        try:
            table = self._table(creator, location)
            return {
                "result": apply_rules(table, columns, [str(one) for one in outputs], all_rows=strategy == "FIRE_ALL")
            }
        except (OSError, ValueError) as error:
            raise TaskFailedError(f"Cannot apply the rule table {location!r}: {error}") from None

    def _table(self, creator: str | None, location: str) -> str:
        if "://" not in location or location.startswith("file://"):
            if not self._rights.is_trusted(creator):
                raise TaskFailedError("Only executions that an administrator started read rule tables from files")
            return Path(location.removeprefix("file://")).read_text(encoding="utf-8")
        response, fault = self._services.http_calls.answer({"uri": location, "method": "GET"})
        if response is None:
            raise ValueError(fault)
        return str(response["body"])


def _request_run(run: Run) -> None:
    run.task["status"] = IN_PROGRESS
    run.execution.commands.append(RunTask(run.task["taskId"]))


def _work(work: Callable[[str | None, Json], Json], creator: str | None, given: Json) -> End:
    """Run a task; returns the function that ends it."""
    try:
        output = work(creator, given)
    except TaskFailedError as error:
        return partial(_fail, str(error), error.output)
    except Exception as error:  # for any input, the task must get an outcome
        logger.warning("event=server.system_task_failed", exc_info=True)
        return partial(_fail, unexpected_error(error), {})
    return partial(_complete, output)


def _complete(output: Json, run: Run) -> None:
    run.task.drop("_isCalling")
    run.complete(output)


def _fail(reason: str, output: Json, run: Run) -> None:
    run.task.drop("_isCalling")
    run.fail(reason, FAILED, output)
