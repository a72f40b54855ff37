"""Applications, users, groups, roles and what they may do (Orkes)."""

from __future__ import annotations

from datetime import datetime

from attrs import define, field

from conductor.models._base import Model, wire
from conductor.models.codec import moment
from conductor.models.enums import AccessKeyStatus, AccessType, SubjectType, TargetType


@define(repr=False)
class Tag(Model):
    """Tag.

    Attributes:
        type: Deprecated; METADATA or RATE_LIMIT in older servers.
    """

    key: str | None = None
    type: str | None = None
    value: str | None = None


@define(repr=False)
class SecretMetadata(Model):
    """Secret metadata.

    Attributes:
        partial: Masked value.
        created_at: Wire is snake_case; ISO date-time.
        updated_at: Wire is snake_case.
    """

    name: str | None = None
    partial: str | None = None
    created_at: str | None = field(default=None, metadata=wire("created_at"))
    updated_at: str | None = field(default=None, metadata=wire("updated_at"))


@define(repr=False)
class SecretWithTags(Model):
    """Secret with tags."""

    name: str | None = None
    tags: list[Tag] | None = None


@define(repr=False)
class EnvironmentVariable(Model):
    """Environment variable.

    Attributes:
        tags: Orkes only.
    """

    name: str | None = None
    value: str | None = field(default=None, repr=False)
    tags: list[Tag] | None = None


@define(repr=False)
class GenerateTokenRequest(Model):
    """Generate token request.

    Attributes:
        expiration: Asked lifetime; unit not stated in the document.
    """

    key_id: str
    key_secret: str = field(repr=False)
    expiration: int | None = None


@define(repr=False)
class Token(Model):
    """Token.

    Attributes:
        token: A JWT, never in a repr.
    """

    token: str | None = field(default=None, repr=False)


@define(repr=False)
class Application(Model):
    """Application."""

    create_time: int | None = None
    created_by: str | None = None
    id: str | None = None
    name: str | None = None
    tags: list[Tag] | None = None
    update_time: int | None = None
    updated_by: str | None = None

    @property
    def created_at(self) -> datetime | None:
        """When it was created, aware and in UTC; None for never."""
        return moment(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """When it was last changed, aware and in UTC; None for never."""
        return moment(self.update_time)


@define(repr=False)
class CreateOrUpdateApplicationRequest(Model):
    """Create or update application request."""

    name: str


@define(repr=False)
class AccessKey(Model):
    """Access key.

    Attributes:
        created_at: Epoch ms.
    """

    id: str
    created_at: int | None = None
    status: AccessKeyStatus | None = None


@define(repr=False)
class CreatedAccessKey(Model):
    """Created access key.

    Attributes:
        secret: Shown once, never in a repr.
    """

    id: str
    secret: str | None = field(default=None, repr=False)


@define(repr=False)
class RolePermission(Model):
    """Role permission."""

    name: str | None = None


@define(repr=False)
class Role(Model):
    """Role."""

    name: str | None = None
    permissions: list[RolePermission] = field(factory=list)


@define(repr=False)
class RoleRequest(Model):
    """A role to create or change.

    Attributes:
        permissions: Names of permissions.
    """

    name: str
    permissions: list[str] = field(factory=list)


@define(repr=False)
class Group(Model):
    """Group."""

    default_access: dict[str, list[AccessType]] | None = None
    description: str | None = None
    id: str | None = None
    roles: list[Role] = field(factory=list)


@define(repr=False)
class User(Model):
    """User."""

    application_user: bool | None = None
    encrypted_id: bool | None = None
    encrypted_id_display_value: str | None = None
    groups: list[Group] = field(factory=list)
    id: str | None = None
    name: str | None = None
    orkes_workers_app: bool | None = None
    roles: list[Role] = field(factory=list)
    uuid: str | None = None


@define(repr=False)
class UpsertUserRequest(Model):
    """Upsert user request.

    Attributes:
        roles: The document types it as one enum value; peers send a list.
    """

    name: str
    groups: list[str] | None = None
    roles: list[str] | None = None


@define(repr=False)
class UpsertGroupRequest(Model):
    """Upsert group request.

    Attributes:
        roles: The document types it as one enum value; peers send a list.
    """

    description: str
    default_access: dict[str, list[AccessType]] | None = None
    roles: list[str] | None = None


@define(repr=False)
class SubjectRef(Model):
    """Subject ref."""

    id: str
    type: SubjectType | None = None


@define(repr=False)
class TargetRef(Model):
    """Target ref.

    Attributes:
        id: The document wrongly gives it an enum.
    """

    id: str
    type: TargetType


@define(repr=False)
class AuthorizationRequest(Model):
    """Authorization request."""

    access: list[AccessType]
    subject: SubjectRef
    target: TargetRef


@define(repr=False)
class GrantedAccess(Model):
    """Granted access."""

    access: list[AccessType] | None = None
    tag: str | None = None
    target: TargetRef | None = None


@define(repr=False)
class GrantedAccessResponse(Model):
    """Granted access response."""

    granted_access: list[GrantedAccess] = field(factory=list)
