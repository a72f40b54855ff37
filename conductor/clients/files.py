"""Files of workflows (open-source server, where file storage is switched on)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conductor.clients._base import Resource
from conductor.clients.bodies import as_model, require_str_list
from conductor.models import (
    FileHandle,
    FileUpload,
    FileUploadComplete,
    FileUploadRequest,
    FileUrl,
    MultipartUpload,
)
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["FileClient"]

_OFF = (
    "File storage is off unless the server has conductor.file-storage.enabled=true and a conductor.file-storage.type, "
    "such as conductor, for its own file system."
)
_NO_PARTS = (
    "File storage of the types s3, azure-blob and gcs takes files in parts, and that of type conductor does not."
)
_FILE = "/files/{workflowId}/{fileId}"
_CONTENT = "/files/content/{workflowId}/{fileId}"
_OSS = Edition.OSS

CREATE: Operation[FileUpload] = Operation("POST", "/files", FileUpload, Repeat.NEVER, _OSS, advice=_OFF)
UPLOAD_URL: Operation[FileUrl] = Operation("GET", _FILE + "/upload-url", FileUrl, edition=_OSS, advice=_OFF)
UPLOAD: Operation[None] = Operation("PUT", _CONTENT, edition=_OSS, sends="bytes", advice=_OFF)
CONFIRM: Operation[FileUploadComplete] = Operation(
    "POST", _FILE + "/upload-complete", FileUploadComplete, edition=_OSS, advice=_OFF
)
GET: Operation[FileHandle] = Operation("GET", _FILE, FileHandle, edition=_OSS, advice=_OFF)
DOWNLOAD_URL: Operation[FileUrl] = Operation("GET", _FILE + "/download-url", FileUrl, edition=_OSS, advice=_OFF)
DOWNLOAD: Operation[bytes] = Operation("GET", _CONTENT, bytes, edition=_OSS, on_empty=bytes, advice=_OFF)
START_MULTIPART: Operation[MultipartUpload] = Operation(
    "POST", _FILE + "/multipart", MultipartUpload, Repeat.NEVER, _OSS, advice=_NO_PARTS
)
PART_URL: Operation[FileUrl] = Operation(
    "GET", _FILE + "/multipart/{uploadId}/part/{partNumber}", FileUrl, edition=_OSS, advice=_NO_PARTS
)
COMPLETE_MULTIPART: Operation[FileUploadComplete] = Operation(
    "POST", _FILE + "/multipart/{uploadId}/complete", FileUploadComplete, edition=_OSS, advice=_NO_PARTS
)
ABORT_MULTIPART: Operation[None] = Operation("DELETE", _FILE + "/multipart/{uploadId}", edition=_OSS, advice=_NO_PARTS)

_HANDLE = "conductor://file/"


class FileClient(Resource):
    """Files that belong to an execution (``client.files``, open-source server).

    A file is named by its handle, ``conductor://file/<id>``, or by the id alone.
    """

    def upload(
        self, workflow_id: str, content: bytes, *, file_name: str, content_type: str = "application/octet-stream"
    ) -> FileUploadComplete:
        """Store a file whole: create it, send its content through the server, and confirm it.

        (``POST /files``, ``PUT /files/content/...``, ``POST /files/.../upload-complete``)
        """
        request = FileUploadRequest(workflow_id, file_name=file_name, content_type=content_type)
        handle = self.create(request).file_handle_id or ""
        self.upload_content(workflow_id, handle, content)
        return self.confirm_upload(workflow_id, handle)

    def create(self, request: FileUploadRequest | Mapping[str, Any]) -> FileUpload:
        """Announce a file; the answer says where its content goes (``POST /files``)."""
        return self._call(CREATE, body=as_model(request, FileUploadRequest))

    def get_upload_url(self, workflow_id: str, file_id: str) -> FileUrl:
        """Where a file's content goes (``GET /files/{workflowId}/{fileId}/upload-url``)."""
        return self._call(UPLOAD_URL, _path(workflow_id, file_id))

    def upload_content(self, workflow_id: str, file_id: str, content: bytes) -> None:
        """Send a file's content through the server (``PUT /files/content/{workflowId}/{fileId}``)."""
        self._call(UPLOAD, _path(workflow_id, file_id), body=bytes(content))

    def confirm_upload(self, workflow_id: str, file_id: str) -> FileUploadComplete:
        """Say that the content is there (``POST /files/{workflowId}/{fileId}/upload-complete``)."""
        return self._call(CONFIRM, _path(workflow_id, file_id))

    def get(self, workflow_id: str, file_id: str) -> FileHandle:
        """What is known of a file (``GET /files/{workflowId}/{fileId}``)."""
        return self._call(GET, _path(workflow_id, file_id))

    def get_download_url(self, workflow_id: str, file_id: str) -> FileUrl:
        """Where a file's content is (``GET /files/{workflowId}/{fileId}/download-url``)."""
        return self._call(DOWNLOAD_URL, _path(workflow_id, file_id))

    def download_content(self, workflow_id: str, file_id: str) -> bytes:
        """A file's content, through the server (``GET /files/content/{workflowId}/{fileId}``)."""
        return self._call(DOWNLOAD, _path(workflow_id, file_id))

    # -- large files, in parts

    def start_multipart(self, workflow_id: str, file_id: str) -> MultipartUpload:
        """Begin an upload in parts (``POST /files/{workflowId}/{fileId}/multipart``)."""
        return self._call(START_MULTIPART, _path(workflow_id, file_id))

    def get_part_upload_url(self, workflow_id: str, file_id: str, upload_id: str, part_number: int) -> FileUrl:
        """Where a part goes (``GET /files/{workflowId}/{fileId}/multipart/{uploadId}/part/{partNumber}``)."""
        path = {**_path(workflow_id, file_id), "uploadId": upload_id, "partNumber": part_number}
        return self._call(PART_URL, path)

    def complete_multipart(
        self, workflow_id: str, file_id: str, upload_id: str, part_etags: Sequence[str]
    ) -> FileUploadComplete:
        """Put the parts together (``POST /files/{workflowId}/{fileId}/multipart/{uploadId}/complete``)."""
        path = {**_path(workflow_id, file_id), "uploadId": upload_id}
        return self._call(COMPLETE_MULTIPART, path, body={"partETags": require_str_list(part_etags, "part_etags")})

    def abort_multipart(self, workflow_id: str, file_id: str, upload_id: str) -> None:
        """Give an upload in parts up (``DELETE /files/{workflowId}/{fileId}/multipart/{uploadId}``)."""
        self._call(ABORT_MULTIPART, {**_path(workflow_id, file_id), "uploadId": upload_id})


def _path(workflow_id: str, file_id: str) -> dict[str, Any]:
    return {"workflowId": workflow_id, "fileId": file_id.removeprefix(_HANDLE)}
