"""Applications, users, groups, roles and permissions (Orkes), and the tags of resources."""

from __future__ import annotations

from datetime import datetime

from attrs import define, field

from conductor.models._base import Model, wire
from conductor.models.codec import to_datetime
from conductor.models.enums import AccessKeyStatus, AccessType, SubjectType, TargetType
from conductor.models.tag import Tag


@define(repr=False)
class SecretMetadata(Model):
    """A secret without its value, as ``GET /secrets/v2`` lists it (open-source server).

    Attributes:
        partial: The masked value.
        created_at: Creation time as an ISO 8601 string.
        updated_at: Time of the last change as an ISO 8601 string.
    """

    name: str | None = None
    partial: str | None = None
    created_at: str | None = field(default=None, metadata=wire("created_at"))
    updated_at: str | None = field(default=None, metadata=wire("updated_at"))


@define(repr=False)
class SecretWithTags(Model):
    """The name and tags of a secret, as ``GET /secrets-v2`` lists them (Orkes)."""

    name: str | None = None
    tags: list[Tag] | None = None


@define(repr=False)
class EnvironmentVariable(Model):
    """A variable that workflows read as ``${workflow.env.NAME}``; returned by ``GET /environment``.

    Attributes:
        value: The value; hidden in the repr.
        tags: Orkes only.
    """

    name: str | None = None
    value: str | None = field(default=None, repr=False)
    tags: list[Tag] | None = None


@define(repr=False)
class GenerateTokenRequest(Model):
    """The body of ``POST /token``, which exchanges an access key for a token (Orkes).

    Attributes:
        key_secret: The secret of the key; hidden in the repr.
        expiration: Requested lifetime. The API documents no unit; None for the server's default.
    """

    key_id: str
    key_secret: str = field(repr=False)
    expiration: int | None = None


@define(repr=False)
class Token(Model):
    """The response of ``POST /token`` (Orkes).

    Attributes:
        token: A JWT; hidden in the repr.
    """

    token: str | None = field(default=None, repr=False)


@define(repr=False)
class Application(Model):
    """An application: the identity of workers and programs that use access keys (Orkes, ``GET /applications/{id}``).

    Attributes:
        create_time: Epoch milliseconds.
        update_time: Epoch milliseconds.
    """

    create_time: int | None = None
    created_by: str | None = None
    id: str | None = None
    name: str | None = None
    tags: list[Tag] | None = None
    update_time: int | None = None
    updated_by: str | None = None

    @property
    def created_at(self) -> datetime | None:
        """Creation time as an aware datetime in UTC, or None."""
        return to_datetime(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """Time of the last change as an aware datetime in UTC, or None."""
        return to_datetime(self.update_time)


@define(repr=False)
class CreateOrUpdateApplicationRequest(Model):
    """The body of ``POST /applications`` and ``PUT /applications/{id}`` (Orkes)."""

    name: str


@define(repr=False)
class AccessKey(Model):
    """An access key of an application, without its secret (Orkes, ``GET /applications/{id}/accessKeys``).

    Attributes:
        created_at: Epoch milliseconds.
    """

    id: str
    created_at: int | None = None
    status: AccessKeyStatus | None = None


@define(repr=False)
class CreatedAccessKey(Model):
    """A new access key with its secret (Orkes, ``POST /applications/{id}/accessKeys``).

    Attributes:
        secret: The secret. The server returns it only once; it is hidden in the repr.
    """

    id: str
    secret: str | None = field(default=None, repr=False)


@define(repr=False)
class RolePermission(Model):
    """A permission that a role contains (Orkes)."""

    name: str | None = None


@define(repr=False)
class Role(Model):
    """A set of permissions that users, groups and applications can have (Orkes, ``GET /roles/{name}``)."""

    name: str | None = None
    permissions: list[RolePermission] = field(factory=list)


@define(repr=False)
class RoleRequest(Model):
    """The body of ``POST /roles`` and ``PUT /roles/{name}`` (Orkes).

    Attributes:
        permissions: Names of permissions, as ``client.roles.list_permissions()`` returns them.
    """

    name: str
    permissions: list[str] = field(factory=list)


@define(repr=False)
class Group(Model):
    """A group of users (Orkes, ``GET /groups/{id}``).

    Attributes:
        default_access: The permissions that all members get on a resource that a member creates, by target type.
    """

    default_access: dict[str, list[AccessType]] | None = None
    description: str | None = None
    id: str | None = None
    roles: list[Role] = field(factory=list)


@define(repr=False)
class User(Model):
    """A user (Orkes, ``GET /users/{id}``).

    Attributes:
        id: The email address, or ``app:<application id>`` for the user of an application.
        application_user: Whether the user represents an application.
    """

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
    """The body of ``PUT /users/{id}`` (Orkes).

    Attributes:
        name: Display name.
        groups: Ids of groups; None keeps the current ones.
        roles: Names of roles; None keeps the current ones.
    """

    name: str
    groups: list[str] | None = None
    roles: list[str] | None = None


@define(repr=False)
class UpsertGroupRequest(Model):
    """The body of ``PUT /groups/{id}`` (Orkes).

    Attributes:
        default_access: The permissions that all members get on a resource that a member creates, by target type.
        roles: Names of roles; None keeps the current ones.
    """

    description: str
    default_access: dict[str, list[AccessType]] | None = None
    roles: list[str] | None = None


@define(repr=False)
class SubjectRef(Model):
    """The user, group or role that permissions are granted to (Orkes).

    Attributes:
        id: The id of the user, group or role.
    """

    id: str
    type: SubjectType | None = None


@define(repr=False)
class TargetRef(Model):
    """The resource that permissions are granted on (Orkes).

    Attributes:
        id: The name or id of the resource.
    """

    id: str
    type: TargetType


@define(repr=False)
class AuthorizationRequest(Model):
    """The body of ``POST`` and ``DELETE /auth/authorization``: grant or remove permissions (Orkes)."""

    access: list[AccessType]
    subject: SubjectRef
    target: TargetRef


@define(repr=False)
class GrantedAccess(Model):
    """The permissions on one target, or on all targets with a tag (Orkes)."""

    access: list[AccessType] | None = None
    tag: str | None = None
    target: TargetRef | None = None


@define(repr=False)
class GrantedAccessResponse(Model):
    """The response of ``GET /users/{userId}/permissions`` and ``GET /groups/{groupId}/permissions`` (Orkes)."""

    granted_access: list[GrantedAccess] = field(factory=list)
