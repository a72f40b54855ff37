"""Applications and their access keys (Orkes)."""

from __future__ import annotations

import builtins

from conductor.clients._tagged import Tagged, tag_operations
from conductor.models import (
    AccessKey,
    Application,
    ApplicationRole,
    CreatedAccessKey,
    CreateOrUpdateApplicationRequest,
)
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["ApplicationClient"]

LIST: Operation[list[Application]] = Operation(
    "GET", "/applications", list[Application], edition=Edition.ORKES, on_empty=list
)
CREATE: Operation[Application] = Operation("POST", "/applications", Application, Repeat.NEVER, Edition.ORKES)
GET: Operation[Application] = Operation("GET", "/applications/{id}", Application, edition=Edition.ORKES)
UPDATE: Operation[Application] = Operation("PUT", "/applications/{id}", Application, edition=Edition.ORKES)
DELETE: Operation[None] = Operation("DELETE", "/applications/{id}", edition=Edition.ORKES)
GET_BY_KEY: Operation[Application] = Operation(
    "GET", "/applications/key/{accessKeyId}", Application, edition=Edition.ORKES
)
CREATE_KEY: Operation[CreatedAccessKey] = Operation(
    "POST", "/applications/{id}/accessKeys", CreatedAccessKey, Repeat.NEVER, Edition.ORKES
)
LIST_KEYS: Operation[list[AccessKey]] = Operation(
    "GET", "/applications/{id}/accessKeys", list[AccessKey], edition=Edition.ORKES, on_empty=list
)
TOGGLE_KEY: Operation[AccessKey] = Operation(
    "POST", "/applications/{applicationId}/accessKeys/{keyId}/status", AccessKey, Repeat.NEVER, Edition.ORKES
)
DELETE_KEY: Operation[None] = Operation(
    "DELETE", "/applications/{applicationId}/accessKeys/{keyId}", edition=Edition.ORKES
)
ADD_ROLE: Operation[None] = Operation("POST", "/applications/{applicationId}/roles/{role}", edition=Edition.ORKES)
REMOVE_ROLE: Operation[None] = Operation("DELETE", "/applications/{applicationId}/roles/{role}", edition=Edition.ORKES)
LIST_TAGS, SET_TAGS, DELETE_TAGS = tag_operations("/applications/{id}/tags")


class ApplicationClient(Tagged):
    """Applications, which workers and programs act as (``client.applications``, Orkes)."""

    _LIST_TAGS, _SET_TAGS, _DELETE_TAGS = LIST_TAGS, SET_TAGS, DELETE_TAGS

    def list(self) -> builtins.list[Application]:
        """All applications (``GET /applications``)."""
        return self._call(LIST)

    def create(self, name: str) -> Application:
        """Create an application (``POST /applications``)."""
        return self._call(CREATE, body=CreateOrUpdateApplicationRequest(name))

    def get(self, application_id: str) -> Application:
        """An application (``GET /applications/{id}``)."""
        return self._call(GET, {"id": application_id})

    def update(self, application_id: str, name: str) -> Application:
        """Rename an application (``PUT /applications/{id}``)."""
        return self._call(UPDATE, {"id": application_id}, body=CreateOrUpdateApplicationRequest(name))

    def delete(self, application_id: str) -> None:
        """Delete an application (``DELETE /applications/{id}``)."""
        self._call(DELETE, {"id": application_id})

    def get_by_access_key(self, access_key_id: str) -> Application:
        """The application that an access key belongs to (``GET /applications/key/{accessKeyId}``)."""
        return self._call(GET_BY_KEY, {"accessKeyId": access_key_id})

    def create_access_key(self, application_id: str) -> CreatedAccessKey:
        """Create an access key (``POST /applications/{id}/accessKeys``).

        Returns:
            Its id and its ``secret``, which the server shows this once and which no repr shows: keep it now.
        """
        return self._call(CREATE_KEY, {"id": application_id})

    def list_access_keys(self, application_id: str) -> builtins.list[AccessKey]:
        """An application's access keys, without their secrets (``GET /applications/{id}/accessKeys``)."""
        return self._call(LIST_KEYS, {"id": application_id})

    def toggle_access_key(self, application_id: str, key_id: str) -> AccessKey:
        """Switch a key on or off (``POST /applications/{applicationId}/accessKeys/{keyId}/status``)."""
        return self._call(TOGGLE_KEY, {"applicationId": application_id, "keyId": key_id})

    def delete_access_key(self, application_id: str, key_id: str) -> None:
        """Delete a key (``DELETE /applications/{applicationId}/accessKeys/{keyId}``)."""
        self._call(DELETE_KEY, {"applicationId": application_id, "keyId": key_id})

    def add_role(self, application_id: str, role: ApplicationRole | str) -> None:
        """Give an application a role (``POST /applications/{applicationId}/roles/{role}``)."""
        self._call(ADD_ROLE, {"applicationId": application_id, "role": ApplicationRole(role)})

    def remove_role(self, application_id: str, role: ApplicationRole | str) -> None:
        """Take a role from an application (``DELETE /applications/{applicationId}/roles/{role}``)."""
        self._call(REMOVE_ROLE, {"applicationId": application_id, "role": ApplicationRole(role)})
