"""Where payloads and files lie outside the database."""

from __future__ import annotations

from attrs import define, field

from conductor.models._base import Model
from conductor.models.enums import FileStorageType, FileUploadStatus


@define(repr=False)
class ExternalStorageLocation(Model):
    """External storage location."""

    uri: str | None = field(default=None, repr=False)
    path: str | None = None


@define(repr=False)
class FileUploadRequest(Model):
    """File upload request."""

    workflow_id: str
    task_id: str | None = None
    file_name: str | None = None
    content_type: str | None = None


@define(repr=False)
class FileUpload(Model):
    """File upload.

    Attributes:
        file_handle_id: ``conductor://file/<id>``.
        upload_url: Signed: never in a repr.
        upload_url_expires_at: Epoch ms.
        created_at: Epoch ms.
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
    """File url.

    Attributes:
        file_handle_id: ``conductor://file/<id>``.
        upload_url: Signed: never in a repr.
        download_url: Signed: never in a repr.
        expires_at: Epoch ms.
    """

    file_handle_id: str | None = None
    upload_url: str | None = field(default=None, repr=False)
    download_url: str | None = field(default=None, repr=False)
    expires_at: int | None = None


@define(repr=False)
class FileUploadComplete(Model):
    """File upload complete.

    Attributes:
        file_handle_id: ``conductor://file/<id>``.
    """

    file_handle_id: str | None = None
    upload_status: FileUploadStatus | None = None
    content_hash: str | None = None


@define(repr=False)
class FileHandle(Model):
    """File handle.

    Attributes:
        file_handle_id: ``conductor://file/<id>``.
        file_size: Bytes.
        created_at: Epoch ms.
        updated_at: Epoch ms.
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
    """Multipart upload.

    Attributes:
        file_handle_id: ``conductor://file/<id>``.
    """

    file_handle_id: str | None = None
    upload_id: str | None = None
