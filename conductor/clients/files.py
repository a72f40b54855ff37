"""Files of executions (open-source server with file storage enabled)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conductor.clients._base import Resource, as_model, require_str_list
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

_DISABLED = (
    "File storage is disabled unless the server has conductor.file-storage.enabled=true and a "
    "conductor.file-storage.type, such as conductor for its local file system."
)
_NO_MULTIPART = (
    "File storage of the types s3, azure-blob and gcs accepts multipart uploads; the type conductor does not."
)
_FILE = "/files/{workflowId}/{fileId}"
_CONTENT = "/files/content/{workflowId}/{fileId}"
_OSS = Edition.OSS

CREATE: Operation[FileUpload] = Operation("POST", "/files", FileUpload, Repeat.NEVER, _OSS, advice=_DISABLED)
UPLOAD_URL: Operation[FileUrl] = Operation("GET", _FILE + "/upload-url", FileUrl, edition=_OSS, advice=_DISABLED)
UPLOAD: Operation[None] = Operation("PUT", _CONTENT, edition=_OSS, sends="bytes", advice=_DISABLED)
CONFIRM: Operation[FileUploadComplete] = Operation(
    "POST", _FILE + "/upload-complete", FileUploadComplete, edition=_OSS, advice=_DISABLED
)
GET: Operation[FileHandle] = Operation("GET", _FILE, FileHandle, edition=_OSS, advice=_DISABLED)
DOWNLOAD_URL: Operation[FileUrl] = Operation("GET", _FILE + "/download-url", FileUrl, edition=_OSS, advice=_DISABLED)
DOWNLOAD: Operation[bytes] = Operation("GET", _CONTENT, bytes, edition=_OSS, on_empty=bytes, advice=_DISABLED)
START_MULTIPART: Operation[MultipartUpload] = Operation(
    "POST", _FILE + "/multipart", MultipartUpload, Repeat.NEVER, _OSS, advice=_NO_MULTIPART
)
PART_URL: Operation[FileUrl] = Operation(
    "GET", _FILE + "/multipart/{uploadId}/part/{partNumber}", FileUrl, edition=_OSS, advice=_NO_MULTIPART
)
COMPLETE_MULTIPART: Operation[FileUploadComplete] = Operation(
    "POST", _FILE + "/multipart/{uploadId}/complete", FileUploadComplete, edition=_OSS, advice=_NO_MULTIPART
)
ABORT_MULTIPART: Operation[None] = Operation(
    "DELETE", _FILE + "/multipart/{uploadId}", edition=_OSS, advice=_NO_MULTIPART
)

_HANDLE = "conductor://file/"


class FileClient(Resource):
    """Files that belong to an execution (``client.files``, open-source server).

    A file is identified by its handle, ``conductor://file/<id>``, or by the id alone. Every method raises
    ``UnsupportedByServerError`` if file storage is disabled, which is the server's default.
    """

    def upload(
        self, workflow_id: str, content: bytes, *, file_name: str, content_type: str = "application/octet-stream"
    ) -> FileUploadComplete:
        """Upload a file in one call: create it, send its content through the server, and confirm the upload.

        ``POST /files``, ``PUT /files/content/{workflowId}/{fileId}``, ``POST
        /files/{workflowId}/{fileId}/upload-complete``.

        Args:
            workflow_id: The id of the execution.
            content: The content.
            file_name: The name of the file.
            content_type: The media type.

        Returns:
            The handle of the file, and a hash of the content.
        """
        request = FileUploadRequest(workflow_id, file_name=file_name, content_type=content_type)
        handle = self.create(request).file_handle_id or ""
        self.upload_content(workflow_id, handle, content)
        return self.confirm_upload(workflow_id, handle)

    def create(self, request: FileUploadRequest | Mapping[str, Any]) -> FileUpload:
        """Create a file without content (``POST /files``).

        Args:
            request: The execution and the name of the file.

        Returns:
            The handle of the file, and the signed URL to upload the content to.
        """
        return self._call(CREATE, body=as_model(request, FileUploadRequest))

    def get_upload_url(self, workflow_id: str, file_id: str) -> FileUrl:
        """Return a URL to upload the content of a file to (``GET /files/{workflowId}/{fileId}/upload-url``).

        Args:
            workflow_id: The id of the execution.
            file_id: The id or handle of the file.

        Returns:
            The signed URL and when it expires.
        """
        return self._call(UPLOAD_URL, _path(workflow_id, file_id))

    def upload_content(self, workflow_id: str, file_id: str, content: bytes) -> None:
        """Upload the content of a file through the server (``PUT /files/content/{workflowId}/{fileId}``).

        Args:
            workflow_id: The id of the execution.
            file_id: The id or handle of the file.
            content: The content.
        """
        self._call(UPLOAD, _path(workflow_id, file_id), body=bytes(content))

    def confirm_upload(self, workflow_id: str, file_id: str) -> FileUploadComplete:
        """Confirm that the content was uploaded (``POST /files/{workflowId}/{fileId}/upload-complete``).

        Args:
            workflow_id: The id of the execution.
            file_id: The id or handle of the file.

        Returns:
            The status of the upload, and a hash of the content.
        """
        return self._call(CONFIRM, _path(workflow_id, file_id))

    def get(self, workflow_id: str, file_id: str) -> FileHandle:
        """Return the metadata of a file (``GET /files/{workflowId}/{fileId}``).

        Args:
            workflow_id: The id of the execution.
            file_id: The id or handle of the file.

        Returns:
            The name, size, hash and status of the file.
        """
        return self._call(GET, _path(workflow_id, file_id))

    def get_download_url(self, workflow_id: str, file_id: str) -> FileUrl:
        """Return a URL to download the content of a file from (``GET /files/{workflowId}/{fileId}/download-url``).

        Args:
            workflow_id: The id of the execution.
            file_id: The id or handle of the file.

        Returns:
            The signed URL and when it expires.
        """
        return self._call(DOWNLOAD_URL, _path(workflow_id, file_id))

    def download_content(self, workflow_id: str, file_id: str) -> bytes:
        """Return the content of a file, through the server (``GET /files/content/{workflowId}/{fileId}``).

        Args:
            workflow_id: The id of the execution.
            file_id: The id or handle of the file.

        Returns:
            The content.
        """
        return self._call(DOWNLOAD, _path(workflow_id, file_id))

    # -- multipart uploads of large files

    def start_multipart(self, workflow_id: str, file_id: str) -> MultipartUpload:
        """Start an upload in parts (``POST /files/{workflowId}/{fileId}/multipart``).

        Args:
            workflow_id: The id of the execution.
            file_id: The id or handle of the file.

        Returns:
            The id of the upload.
        """
        return self._call(START_MULTIPART, _path(workflow_id, file_id))

    def get_part_upload_url(self, workflow_id: str, file_id: str, upload_id: str, part_number: int) -> FileUrl:
        """Return the URL of a part (``GET /files/{workflowId}/{fileId}/multipart/{uploadId}/part/{partNumber}``).

        Args:
            workflow_id: The id of the execution.
            file_id: The id or handle of the file.
            upload_id: The id of the upload.
            part_number: The number of the part, from 1.

        Returns:
            The signed URL and when it expires.
        """
        path = {**_path(workflow_id, file_id), "uploadId": upload_id, "partNumber": part_number}
        return self._call(PART_URL, path)

    def complete_multipart(
        self, workflow_id: str, file_id: str, upload_id: str, part_etags: Sequence[str]
    ) -> FileUploadComplete:
        """Complete an upload in parts (``POST /files/{workflowId}/{fileId}/multipart/{uploadId}/complete``).

        Args:
            workflow_id: The id of the execution.
            file_id: The id or handle of the file.
            upload_id: The id of the upload.
            part_etags: The ``ETag`` header of each part's response, in order.

        Returns:
            The status of the upload.
        """
        path = {**_path(workflow_id, file_id), "uploadId": upload_id}
        return self._call(COMPLETE_MULTIPART, path, body={"partETags": require_str_list(part_etags, "part_etags")})

    def abort_multipart(self, workflow_id: str, file_id: str, upload_id: str) -> None:
        """Abort an upload in parts (``DELETE /files/{workflowId}/{fileId}/multipart/{uploadId}``).

        Args:
            workflow_id: The id of the execution.
            file_id: The id or handle of the file.
            upload_id: The id of the upload.
        """
        self._call(ABORT_MULTIPART, {**_path(workflow_id, file_id), "uploadId": upload_id})


def _path(workflow_id: str, file_id: str) -> dict[str, Any]:
    return {"workflowId": workflow_id, "fileId": file_id.removeprefix(_HANDLE)}
