"""Models of the file storage: uploads and files of executions."""

from __future__ import annotations

from attrs import define, field

from conductor.models._base import Model
from conductor.models.enums import FileStorageType, FileUploadStatus


@define(repr=False)
class FileUploadRequest(Model):
    """The body of ``POST /files``.

    Attributes:
        content_type: Media type, such as ``image/png``.
    """

    workflow_id: str
    task_id: str | None = None
    file_name: str | None = None
    content_type: str | None = None


@define(repr=False)
class FileUpload(Model):
    """A file that was created and has no content yet (``POST /files``).

    Attributes:
        file_handle_id: ``conductor://file/<id>``.
        upload_url: Signed URL; hidden in the repr.
        upload_url_expires_at: Epoch milliseconds.
        created_at: Epoch milliseconds.
    """

    file_handle_id: str | None = None
    file_name: str | None = None
    content_type: str | None = None
    storage_type: FileStorageType | None = None
    upload_status: FileUploadStatus | None = None
    upload_url: str | None = field(default=None, repr=False)
    upload_url_expires_at: int | None = None
    created_at: int | None = None


@define(repr=False)
class FileUrl(Model):
    """Where to upload or download the content of a file (``GET /files/{workflowId}/{fileId}/download-url``).

    Attributes:
        file_handle_id: ``conductor://file/<id>``.
        upload_url: Signed URL; hidden in the repr.
        download_url: Signed URL; hidden in the repr.
        expires_at: Epoch milliseconds.
    """

    file_handle_id: str | None = None
    upload_url: str | None = field(default=None, repr=False)
    download_url: str | None = field(default=None, repr=False)
    expires_at: int | None = None


@define(repr=False)
class FileUploadComplete(Model):
    """The response to the end of an upload (``POST /files/{workflowId}/{fileId}/upload-complete``).

    Attributes:
        file_handle_id: ``conductor://file/<id>``.
        content_hash: Hash of the content; the algorithm depends on the storage.
    """

    file_handle_id: str | None = None
    upload_status: FileUploadStatus | None = None
    content_hash: str | None = None


@define(repr=False)
class FileHandle(Model):
    """A file of an execution (``client.files.get``, ``GET /files/{workflowId}/{fileId}``).

    Attributes:
        file_handle_id: ``conductor://file/<id>``.
        file_size: Bytes.
        content_hash: Hash of the content; the algorithm depends on the storage.
        created_at: Epoch milliseconds.
        updated_at: Epoch milliseconds.
    """

    file_handle_id: str | None = None
    file_name: str | None = None
    content_type: str | None = None
    file_size: int | None = None
    content_hash: str | None = None
    storage_type: FileStorageType | None = None
    upload_status: FileUploadStatus | None = None
    workflow_id: str | None = None
    task_id: str | None = None
    created_at: int | None = None
    updated_at: int | None = None


@define(repr=False)
class MultipartUpload(Model):
    """An upload in parts (``POST /files/{workflowId}/{fileId}/multipart``).

    Attributes:
        file_handle_id: ``conductor://file/<id>``.
    """

    file_handle_id: str | None = None
    upload_id: str | None = None
