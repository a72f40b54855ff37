"""Enums of the REST API. They accept unknown values, and keep them as the strings that the server sent.

Newer servers add values. A client must neither fail on them nor lose them when it writes a definition back.
``is_known`` is false for a value that this SDK does not know; requests are checked before they are sent.
"""

from __future__ import annotations

from enum import Enum

from typing_extensions import Self


class WireEnum(str, Enum):
    """A string enum that accepts unknown values.

    An unknown string becomes a member that compares equal to the string and is written back unchanged.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value
        member._value_ = value
        return member

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, spec: str) -> str:
        return format(str(self.value), spec)

    def __reduce_ex__(self, _: object) -> tuple[type[Self], tuple[str]]:
        return type(self), (self.value,)

    @property
    def is_known(self) -> bool:
        """Whether this SDK defines the value."""
        return self.value in type(self)._value2member_map_


class TaskStatus(WireEnum):
    """Status of a task in an execution.

    FAILED and TIMED_OUT tasks are retried according to their definition; FAILED_WITH_TERMINAL_ERROR, CANCELED and
    SKIPPED tasks are not. COMPLETED_WITH_ERRORS is the status of an optional task that failed.
    """

    IN_PROGRESS = "IN_PROGRESS"
    CANCELED = "CANCELED"
    FAILED = "FAILED"
    FAILED_WITH_TERMINAL_ERROR = "FAILED_WITH_TERMINAL_ERROR"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_ERRORS = "COMPLETED_WITH_ERRORS"
    SCHEDULED = "SCHEDULED"
    TIMED_OUT = "TIMED_OUT"
    SKIPPED = "SKIPPED"

    @property
    def is_terminal(self) -> bool:
        """Whether the task has ended, in success or failure."""
        return self not in {TaskStatus.IN_PROGRESS, TaskStatus.SCHEDULED}

    @property
    def is_successful(self) -> bool:
        """Whether the workflow continues after the task: COMPLETED, COMPLETED_WITH_ERRORS or SKIPPED."""
        return self in {TaskStatus.COMPLETED, TaskStatus.COMPLETED_WITH_ERRORS, TaskStatus.SKIPPED}


class TaskResultStatus(WireEnum):
    """Status that a worker reports for a task.

    IN_PROGRESS returns the task to its queue; FAILED allows retries, FAILED_WITH_TERMINAL_ERROR does not. CANCELED
    (open-source server only) ends the workflow as TERMINATED.
    """

    IN_PROGRESS = "IN_PROGRESS"
    FAILED = "FAILED"
    FAILED_WITH_TERMINAL_ERROR = "FAILED_WITH_TERMINAL_ERROR"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"


class WorkflowExecutionStatus(WireEnum):
    """Status of a workflow execution."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    TERMINATED = "TERMINATED"
    PAUSED = "PAUSED"

    @property
    def is_terminal(self) -> bool:
        """Whether the execution has ended: any status but RUNNING and PAUSED."""
        return self not in {WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.PAUSED}

    @property
    def is_successful(self) -> bool:
        """Whether the execution has ended as COMPLETED."""
        return self == WorkflowExecutionStatus.COMPLETED


class TaskTimeoutPolicy(WireEnum):
    """What the server does when a task times out; TIME_OUT_WF (fail the workflow) by default."""

    RETRY = "RETRY"
    TIME_OUT_WF = "TIME_OUT_WF"
    ALERT_ONLY = "ALERT_ONLY"


class WorkflowTimeoutPolicy(WireEnum):
    """What the server does when a workflow times out; ALERT_ONLY (a counter on the server) by default."""

    TIME_OUT_WF = "TIME_OUT_WF"
    ALERT_ONLY = "ALERT_ONLY"


class RetryLogic(WireEnum):
    """How the delay between attempts grows; FIXED by default."""

    FIXED = "FIXED"
    EXPONENTIAL_BACKOFF = "EXPONENTIAL_BACKOFF"
    LINEAR_BACKOFF = "LINEAR_BACKOFF"


class IdempotencyStrategy(WireEnum):
    """How the server handles a start if an execution with the same idempotency key exists.

    FAIL rejects the start, RETURN_EXISTING returns the id of the existing execution, FAIL_ON_RUNNING rejects the start
    only while that execution runs. The open-source server ignores keys and strategies.
    """

    FAIL = "FAIL"
    RETURN_EXISTING = "RETURN_EXISTING"
    FAIL_ON_RUNNING = "FAIL_ON_RUNNING"


class ReturnStrategy(WireEnum):
    """What ``execute`` and ``signal`` return.

    TARGET_WORKFLOW and BLOCKING_WORKFLOW return a ``WorkflowRun``: the execution that was started or signalled, or the
    (sub-)workflow that blocks it. BLOCKING_TASK and BLOCKING_TASK_INPUT return the blocking task as a ``TaskRun``.
    """

    TARGET_WORKFLOW = "TARGET_WORKFLOW"
    BLOCKING_WORKFLOW = "BLOCKING_WORKFLOW"
    BLOCKING_TASK = "BLOCKING_TASK"
    BLOCKING_TASK_INPUT = "BLOCKING_TASK_INPUT"


class Consistency(WireEnum):
    """How durable an execution is before ``execute`` returns; DURABLE by default. The open-source server ignores it."""

    SYNCHRONOUS = "SYNCHRONOUS"
    DURABLE = "DURABLE"
    REGION_DURABLE = "REGION_DURABLE"


class RateLimitPolicy(WireEnum):
    """What the server does with a start above ``concurrent_exec_limit``: QUEUE it (the default) or REJECT it."""

    QUEUE = "QUEUE"
    REJECT = "REJECT"


class JoinMode(WireEnum):
    """How the server evaluates a JOIN: SYNC without back-off, or ASYNC with back-off (open-source server only)."""

    SYNC = "SYNC"
    ASYNC = "ASYNC"


class SchemaType(WireEnum):
    """Language of a ``SchemaDef``. The values are case-sensitive."""

    JSON = "JSON"
    AVRO = "AVRO"
    PROTOBUF = "PROTOBUF"


class EventActionType(WireEnum):
    """Action of an event handler.

    The open-source server stores TERMINATE_WORKFLOW and UPDATE_WORKFLOW_VARIABLES but does not execute them;
    START_AGENT exists only there.
    """

    START_WORKFLOW = "start_workflow"
    COMPLETE_TASK = "complete_task"
    FAIL_TASK = "fail_task"
    TERMINATE_WORKFLOW = "terminate_workflow"
    UPDATE_WORKFLOW_VARIABLES = "update_workflow_variables"
    START_AGENT = "start_agent"


class EventExecutionStatus(WireEnum):
    """Status of one action that an event triggered."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


class EventMessageType(WireEnum):
    """Source of an event message: a webhook or a queue (Orkes)."""

    WEBHOOK = "WEBHOOK"
    MESSAGE = "MESSAGE"


class EventMessageStatus(WireEnum):
    """Whether an event message was only received, was handled, or was rejected (Orkes)."""

    RECEIVED = "RECEIVED"
    HANDLED = "HANDLED"
    REJECTED = "REJECTED"


class EventLogType(WireEnum):
    """Direction of a message in the event statistics of an integration (Orkes)."""

    SEND = "SEND"
    RECEIVE = "RECEIVE"


class ScheduleExecutionState(WireEnum):
    """State of one run of a schedule: POLLED (due), EXECUTED (workflow started) or FAILED (start failed)."""

    POLLED = "POLLED"
    FAILED = "FAILED"
    EXECUTED = "EXECUTED"


class AccessType(WireEnum):
    """Permission that a subject has on a target (Orkes)."""

    CREATE = "CREATE"
    READ = "READ"
    EXECUTE = "EXECUTE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


class SubjectType(WireEnum):
    """Kind of subject that permissions are granted to (Orkes)."""

    USER = "USER"
    ROLE = "ROLE"
    GROUP = "GROUP"


class TargetType(WireEnum):
    """Kind of resource that permissions are granted on (Orkes)."""

    WORKFLOW = "WORKFLOW"
    WORKFLOW_DEF = "WORKFLOW_DEF"
    WORKFLOW_SCHEDULE = "WORKFLOW_SCHEDULE"
    EVENT_HANDLER = "EVENT_HANDLER"
    TASK_DEF = "TASK_DEF"
    TASK_REF_NAME = "TASK_REF_NAME"
    TASK_ID = "TASK_ID"
    APPLICATION = "APPLICATION"
    USER = "USER"
    SECRET_NAME = "SECRET_NAME"
    ENV_VARIABLE = "ENV_VARIABLE"
    TAG = "TAG"
    DOMAIN = "DOMAIN"
    INTEGRATION_PROVIDER = "INTEGRATION_PROVIDER"
    INTEGRATION = "INTEGRATION"
    PROMPT = "PROMPT"
    USER_FORM_TEMPLATE = "USER_FORM_TEMPLATE"
    SCHEMA = "SCHEMA"
    CLUSTER_CONFIG = "CLUSTER_CONFIG"
    WEBHOOK = "WEBHOOK"


class ApplicationRole(WireEnum):
    """Built-in roles of applications (Orkes). Custom roles are possible, so unknown values are accepted."""

    ADMIN = "ADMIN"
    UNRESTRICTED_WORKER = "UNRESTRICTED_WORKER"
    METADATA_MANAGER = "METADATA_MANAGER"
    WORKFLOW_MANAGER = "WORKFLOW_MANAGER"
    APPLICATION_MANAGER = "APPLICATION_MANAGER"
    USER = "USER"
    USER_READ_ONLY = "USER_READ_ONLY"
    WORKER = "WORKER"
    APPLICATION_CREATOR = "APPLICATION_CREATOR"
    METADATA_API = "METADATA_API"
    PROMPT_MANAGER = "PROMPT_MANAGER"


class UserRole(WireEnum):
    """Built-in roles of users and groups (Orkes). Custom roles are possible, so unknown values are accepted."""

    ADMIN = "ADMIN"
    USER = "USER"
    WORKER = "WORKER"
    METADATA_MANAGER = "METADATA_MANAGER"
    WORKFLOW_MANAGER = "WORKFLOW_MANAGER"


class AccessKeyStatus(WireEnum):
    """Whether the server accepts an access key (Orkes)."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


class HumanTaskState(WireEnum):
    """State of a human task (Orkes).

    ASSIGNED tasks can be claimed; a claimed task is IN_PROGRESS until it is completed or released. DELETED: no
    assignment was left, and the completion strategy is TERMINATE.
    """

    PENDING = "PENDING"
    ASSIGNED = "ASSIGNED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    TIMED_OUT = "TIMED_OUT"
    DELETED = "DELETED"


class HumanTaskUserType(WireEnum):
    """Kind of assignee: a user or group of Conductor, or an external one, known only to the application (Orkes)."""

    EXTERNAL_USER = "EXTERNAL_USER"
    EXTERNAL_GROUP = "EXTERNAL_GROUP"
    CONDUCTOR_USER = "CONDUCTOR_USER"
    CONDUCTOR_GROUP = "CONDUCTOR_GROUP"


class HumanTaskTriggerType(WireEnum):
    """Change of a human task that starts a workflow (Orkes)."""

    ASSIGNEE_CHANGED = "ASSIGNEE_CHANGED"
    CLAIMANT_CHANGED = "CLAIMANT_CHANGED"
    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    ASSIGNED = "ASSIGNED"
    COMPLETED = "COMPLETED"
    TIMED_OUT = "TIMED_OUT"


class HumanTaskSearchType(WireEnum):
    """Scope of a search for human tasks: ADMIN for all tasks, INBOX for those of the caller (Orkes)."""

    ADMIN = "ADMIN"
    INBOX = "INBOX"


class AssignmentCompletionStrategy(WireEnum):
    """What happens when the last assignment of a human task expires: anyone may claim it, or the task fails (Orkes)."""

    LEAVE_OPEN = "LEAVE_OPEN"
    TERMINATE = "TERMINATE"


class ServiceType(WireEnum):
    """Protocol of a registered service (Orkes)."""

    HTTP = "HTTP"
    GRPC = "gRPC"
    MCP_REMOTE = "MCP_REMOTE"


class IntegrationCategory(WireEnum):
    """Kind of system that an integration connects to (Orkes)."""

    API = "API"
    AI_MODEL = "AI_MODEL"
    VECTOR_DB = "VECTOR_DB"
    RELATIONAL_DB = "RELATIONAL_DB"
    MESSAGE_BROKER = "MESSAGE_BROKER"
    GIT = "GIT"
    EMAIL = "EMAIL"
    MCP = "MCP"


class TokenLimitPeriod(WireEnum):
    """Period to which a limit on language-model tokens applies (Orkes)."""

    DAY = "DAY"
    MONTH = "MONTH"


class FormFieldType(WireEnum):
    """Type of a field in an integration's configuration form (Orkes)."""

    DROPDOWN = "DROPDOWN"
    TEXT = "TEXT"
    PASSWORD = "PASSWORD"
    FILE = "FILE"


class WebhookVerifier(WireEnum):
    """How the server verifies incoming webhooks (Orkes)."""

    SLACK_BASED = "SLACK_BASED"
    SIGNATURE_BASED = "SIGNATURE_BASED"
    HEADER_BASED = "HEADER_BASED"
    STRIPE = "STRIPE"
    TWITTER = "TWITTER"
    HMAC_BASED = "HMAC_BASED"
    SENDGRID = "SENDGRID"


class ExternalStorageOperation(WireEnum):
    """Whether a payload is read from or written to external storage."""

    READ = "READ"
    WRITE = "WRITE"


class ExternalPayloadType(WireEnum):
    """Which payload is kept in external storage."""

    WORKFLOW_INPUT = "WORKFLOW_INPUT"
    WORKFLOW_OUTPUT = "WORKFLOW_OUTPUT"
    TASK_INPUT = "TASK_INPUT"
    TASK_OUTPUT = "TASK_OUTPUT"


class FileUploadStatus(WireEnum):
    """Progress of a file upload (open-source server)."""

    PENDING = "PENDING"
    UPLOADING = "UPLOADING"
    UPLOADED = "UPLOADED"
    FAILED = "FAILED"


class FileStorageType(WireEnum):
    """Storage of files; only S3 and AZURE_BLOB accept multipart uploads (open-source server)."""

    S3 = "S3"
    AZURE_BLOB = "AZURE_BLOB"
    GCS = "GCS"
    CONDUCTOR = "CONDUCTOR"


class TaskType(WireEnum):
    """The built-in task types. ``WorkflowTask.type`` is a plain string, because workers can execute other types."""

    SIMPLE = "SIMPLE"
    DYNAMIC = "DYNAMIC"
    FORK_JOIN = "FORK_JOIN"
    FORK_JOIN_DYNAMIC = "FORK_JOIN_DYNAMIC"
    DECISION = "DECISION"
    SWITCH = "SWITCH"
    JOIN = "JOIN"
    DO_WHILE = "DO_WHILE"
    SUB_WORKFLOW = "SUB_WORKFLOW"
    START_WORKFLOW = "START_WORKFLOW"
    EVENT = "EVENT"
    WAIT = "WAIT"
    HUMAN = "HUMAN"
    USER_DEFINED = "USER_DEFINED"
    HTTP = "HTTP"
    LAMBDA = "LAMBDA"
    INLINE = "INLINE"
    EXCLUSIVE_JOIN = "EXCLUSIVE_JOIN"
    TERMINATE = "TERMINATE"
    KAFKA_PUBLISH = "KAFKA_PUBLISH"
    JSON_JQ_TRANSFORM = "JSON_JQ_TRANSFORM"
    SET_VARIABLE = "SET_VARIABLE"
    NOOP = "NOOP"
    LLM_TEXT_COMPLETE = "LLM_TEXT_COMPLETE"
    LLM_CHAT_COMPLETE = "LLM_CHAT_COMPLETE"
    LLM_INDEX_TEXT = "LLM_INDEX_TEXT"
    LLM_SEARCH_INDEX = "LLM_SEARCH_INDEX"
    LLM_GENERATE_EMBEDDINGS = "LLM_GENERATE_EMBEDDINGS"
    LLM_STORE_EMBEDDINGS = "LLM_STORE_EMBEDDINGS"
    LLM_GET_EMBEDDINGS = "LLM_GET_EMBEDDINGS"
    LIST_MCP_TOOLS = "LIST_MCP_TOOLS"
    CALL_MCP_TOOL = "CALL_MCP_TOOL"
    PULL_WORKFLOW_MESSAGES = "PULL_WORKFLOW_MESSAGES"
    AGENT = "AGENT"
    GET_AGENT_CARD = "GET_AGENT_CARD"
    CANCEL_AGENT = "CANCEL_AGENT"
    LIST_API_TOOLS = "LIST_API_TOOLS"
    PLANNER_CONTEXT_FETCH = "PLANNER_CONTEXT_FETCH"
    PLAN_AND_COMPILE = "PLAN_AND_COMPILE"
    HTTP_POLL = "HTTP_POLL"
    WAIT_FOR_WEBHOOK = "WAIT_FOR_WEBHOOK"
    GET_DOCUMENT = "GET_DOCUMENT"
    LLM_SEARCH_EMBEDDINGS = "LLM_SEARCH_EMBEDDINGS"
    GENERATE_IMAGE = "GENERATE_IMAGE"
    GENERATE_AUDIO = "GENERATE_AUDIO"
    GENERATE_VIDEO = "GENERATE_VIDEO"
    GENERATE_PDF = "GENERATE_PDF"
    JDBC = "JDBC"
    BUSINESS_RULE = "BUSINESS_RULE"
