"""Every enum of the API. All are open: a value that is not known here is kept as it came.

A newer server adds values; a client that dies of them, or forgets them, is worse than one that carries them along.
``is_known`` tells whether a value is one of those listed, which is what a check before sending asks.
"""

from __future__ import annotations

from enum import Enum

from typing_extensions import Self


class WireEnum(str, Enum):
    """Text with names for the known values; an unknown value becomes a member of its own kind, equal to its text."""

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
        """Whether this SDK knows the value."""
        return self.value in type(self)._value2member_map_


class TaskStatus(WireEnum):
    """The state of a task."""

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
        """Whether the task has ended, well or badly."""
        return self not in {TaskStatus.IN_PROGRESS, TaskStatus.SCHEDULED}

    @property
    def is_successful(self) -> bool:
        """Whether the task has ended in a way that lets the workflow go on."""
        return self in {TaskStatus.COMPLETED, TaskStatus.COMPLETED_WITH_ERRORS, TaskStatus.SKIPPED}


class TaskResultStatus(WireEnum):
    """What a worker reports of a task; ``CANCELED`` (open-source server) ends the workflow as TERMINATED."""

    IN_PROGRESS = "IN_PROGRESS"
    FAILED = "FAILED"
    FAILED_WITH_TERMINAL_ERROR = "FAILED_WITH_TERMINAL_ERROR"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"


class WorkflowExecutionStatus(WireEnum):
    """The state of a workflow execution."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    TERMINATED = "TERMINATED"
    PAUSED = "PAUSED"

    @property
    def is_terminal(self) -> bool:
        """Whether the execution has ended."""
        return self not in {WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.PAUSED}

    @property
    def is_successful(self) -> bool:
        """Whether the execution has ended as COMPLETED."""
        return self == WorkflowExecutionStatus.COMPLETED


class TaskTimeoutPolicy(WireEnum):
    """What happens when a task times out; a task definition's default is TIME_OUT_WF."""

    RETRY = "RETRY"
    TIME_OUT_WF = "TIME_OUT_WF"
    ALERT_ONLY = "ALERT_ONLY"


class WorkflowTimeoutPolicy(WireEnum):
    """What happens when a workflow times out; a definition's default is ALERT_ONLY."""

    TIME_OUT_WF = "TIME_OUT_WF"
    ALERT_ONLY = "ALERT_ONLY"


class RetryLogic(WireEnum):
    """How the pause between attempts grows; the default is FIXED."""

    FIXED = "FIXED"
    EXPONENTIAL_BACKOFF = "EXPONENTIAL_BACKOFF"
    LINEAR_BACKOFF = "LINEAR_BACKOFF"


class IdempotencyStrategy(WireEnum):
    """What a start with a known idempotency key does. Orkes acts on it; the open-source server ignores it."""

    FAIL = "FAIL"
    RETURN_EXISTING = "RETURN_EXISTING"
    FAIL_ON_RUNNING = "FAIL_ON_RUNNING"


class ReturnStrategy(WireEnum):
    """What execute and signal answer: the first two a WorkflowRun, the last two a TaskRun."""

    TARGET_WORKFLOW = "TARGET_WORKFLOW"
    BLOCKING_WORKFLOW = "BLOCKING_WORKFLOW"
    BLOCKING_TASK = "BLOCKING_TASK"
    BLOCKING_TASK_INPUT = "BLOCKING_TASK_INPUT"


class Consistency(WireEnum):
    """How durable an execution is before execute answers. The open-source server ignores it."""

    SYNCHRONOUS = "SYNCHRONOUS"
    DURABLE = "DURABLE"
    REGION_DURABLE = "REGION_DURABLE"


class RateLimitPolicy(WireEnum):
    """Rate limit policys of the API."""

    QUEUE = "QUEUE"
    REJECT = "REJECT"


class JoinMode(WireEnum):
    """Join modes of the API."""

    SYNC = "SYNC"
    ASYNC = "ASYNC"


class SchemaType(WireEnum):
    """Schema types of the API."""

    JSON = "JSON"
    AVRO = "AVRO"
    PROTOBUF = "PROTOBUF"


class EventActionType(WireEnum):
    """Event action types of the API."""

    START_WORKFLOW = "start_workflow"
    COMPLETE_TASK = "complete_task"
    FAIL_TASK = "fail_task"
    TERMINATE_WORKFLOW = "terminate_workflow"
    UPDATE_WORKFLOW_VARIABLES = "update_workflow_variables"
    START_AGENT = "start_agent"


class EventExecutionStatus(WireEnum):
    """Event execution statuss of the API."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


class EventMessageType(WireEnum):
    """Event message types of the API."""

    WEBHOOK = "WEBHOOK"
    MESSAGE = "MESSAGE"


class EventMessageStatus(WireEnum):
    """Event message statuss of the API."""

    RECEIVED = "RECEIVED"
    HANDLED = "HANDLED"
    REJECTED = "REJECTED"


class EventLogType(WireEnum):
    """Event log types of the API."""

    SEND = "SEND"
    RECEIVE = "RECEIVE"


class ScheduleExecutionState(WireEnum):
    """Schedule execution states of the API."""

    POLLED = "POLLED"
    FAILED = "FAILED"
    EXECUTED = "EXECUTED"


class AccessType(WireEnum):
    """Access types of the API."""

    CREATE = "CREATE"
    READ = "READ"
    EXECUTE = "EXECUTE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


class SubjectType(WireEnum):
    """Subject types of the API."""

    USER = "USER"
    ROLE = "ROLE"
    GROUP = "GROUP"


class TargetType(WireEnum):
    """Target types of the API."""

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
    """Application roles of the API."""

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
    """User roles of the API."""

    ADMIN = "ADMIN"
    USER = "USER"
    WORKER = "WORKER"
    METADATA_MANAGER = "METADATA_MANAGER"
    WORKFLOW_MANAGER = "WORKFLOW_MANAGER"


class AccessKeyStatus(WireEnum):
    """Access key statuss of the API."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


class HumanTaskState(WireEnum):
    """Human task states of the API."""

    PENDING = "PENDING"
    ASSIGNED = "ASSIGNED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    TIMED_OUT = "TIMED_OUT"
    DELETED = "DELETED"


class HumanTaskUserType(WireEnum):
    """Human task user types of the API."""

    EXTERNAL_USER = "EXTERNAL_USER"
    EXTERNAL_GROUP = "EXTERNAL_GROUP"
    CONDUCTOR_USER = "CONDUCTOR_USER"
    CONDUCTOR_GROUP = "CONDUCTOR_GROUP"


class HumanTaskTriggerType(WireEnum):
    """Human task trigger types of the API."""

    ASSIGNEE_CHANGED = "ASSIGNEE_CHANGED"
    CLAIMANT_CHANGED = "CLAIMANT_CHANGED"
    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    ASSIGNED = "ASSIGNED"
    COMPLETED = "COMPLETED"
    TIMED_OUT = "TIMED_OUT"


class HumanTaskSearchType(WireEnum):
    """Human task search types of the API."""

    ADMIN = "ADMIN"
    INBOX = "INBOX"


class AssignmentCompletionStrategy(WireEnum):
    """Assignment completion strategys of the API."""

    LEAVE_OPEN = "LEAVE_OPEN"
    TERMINATE = "TERMINATE"


class ServiceType(WireEnum):
    """The kind of a registered service."""

    HTTP = "HTTP"
    GRPC = "gRPC"
    MCP_REMOTE = "MCP_REMOTE"


class IntegrationCategory(WireEnum):
    """Integration categorys of the API."""

    API = "API"
    AI_MODEL = "AI_MODEL"
    VECTOR_DB = "VECTOR_DB"
    RELATIONAL_DB = "RELATIONAL_DB"
    MESSAGE_BROKER = "MESSAGE_BROKER"
    GIT = "GIT"
    EMAIL = "EMAIL"
    MCP = "MCP"


class TokenLimitPeriod(WireEnum):
    """Token limit periods of the API."""

    DAY = "DAY"
    MONTH = "MONTH"


class FormFieldType(WireEnum):
    """Form field types of the API."""

    DROPDOWN = "DROPDOWN"
    TEXT = "TEXT"
    PASSWORD = "PASSWORD"
    FILE = "FILE"


class WebhookVerifier(WireEnum):
    """Webhook verifiers of the API."""

    SLACK_BASED = "SLACK_BASED"
    SIGNATURE_BASED = "SIGNATURE_BASED"
    HEADER_BASED = "HEADER_BASED"
    STRIPE = "STRIPE"
    TWITTER = "TWITTER"
    HMAC_BASED = "HMAC_BASED"
    SENDGRID = "SENDGRID"


class ExternalStorageOperation(WireEnum):
    """External storage operations of the API."""

    READ = "READ"
    WRITE = "WRITE"


class ExternalPayloadType(WireEnum):
    """External payload types of the API."""

    WORKFLOW_INPUT = "WORKFLOW_INPUT"
    WORKFLOW_OUTPUT = "WORKFLOW_OUTPUT"
    TASK_INPUT = "TASK_INPUT"
    TASK_OUTPUT = "TASK_OUTPUT"


class FileUploadStatus(WireEnum):
    """File upload statuss of the API."""

    PENDING = "PENDING"
    UPLOADING = "UPLOADING"
    UPLOADED = "UPLOADED"
    FAILED = "FAILED"


class FileStorageType(WireEnum):
    """File storage types of the API."""

    S3 = "S3"
    AZURE_BLOB = "AZURE_BLOB"
    GCS = "GCS"
    CONDUCTOR = "CONDUCTOR"


class TaskType(WireEnum):
    """The task types that are known by name. The field itself is free text: any other type is a worker's."""

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
