"""Documents and files for models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import Unpack

from conductor._renamed import explains
from conductor.workflow.step import Options, Step, make
from conductor.workflow.tasks.wire import given

__all__ = ["chunk_text", "generate_pdf", "get_document", "list_files", "parse_document"]


@explains
def get_document(url: Any, *, media_type: Any = None, **options: Unpack[Options]) -> Step:
    """Load a document (``GET_DOCUMENT``, Orkes).

    Args:
        url: Where it is.
        media_type: Its media type.
        options: See ``Options``.
    """
    step: Step = make("GET_DOCUMENT", given(url=url, media_type=media_type), options)
    return step


def list_files(
    location: Any,
    *,
    file_types: Any = None,
    integration: Any = None,
    integrations: Mapping[str, Any] | None = None,
    output_location: Any = None,
    **options: Unpack[Options],
) -> Step:
    """List the files of a place (``LIST_FILES``, Orkes).

    Args:
        location: The place.
        file_types: A list of endings.
        integration: The integration's name.
        integrations: Kind of integration to its name.
        output_location: Where the list goes.
        options: See ``Options``.
    """
    inputs = given(
        input_location=location,
        file_types=file_types,
        integration_name=integration,
        integration_names=integrations,
        output_location=output_location,
    )
    step: Step = make("LIST_FILES", inputs, options)
    return step


def parse_document(
    url: Any, *, integration: Any = None, media_type: Any = None, chunk_size: Any = None, **options: Unpack[Options]
) -> Step:
    """Turn a document into text (``PARSE_DOCUMENT``, Orkes).

    Args:
        url: Where it is.
        integration: The integration that reaches it.
        media_type: Its media type, or ``auto``.
        chunk_size: Characters of each piece; 0 for one piece.
        options: See ``Options``.
    """
    inputs = given(integration_name=integration, url=url, media_type=media_type, chunk_size=chunk_size)
    step: Step = make("PARSE_DOCUMENT", inputs, options)
    return step


def chunk_text(text: Any, *, chunk_size: Any = None, media_type: Any = None, **options: Unpack[Options]) -> Step:
    """Cut a text into pieces (``CHUNK_TEXT``, Orkes).

    Args:
        text: The text.
        chunk_size: Characters of each piece.
        media_type: Its media type, or ``auto``.
        options: See ``Options``.
    """
    step: Step = make("CHUNK_TEXT", given(text=text, chunk_size=chunk_size, media_type=media_type), options)
    return step


def generate_pdf(
    markdown: Any,
    *,
    page_size: Any = None,
    margin_top: Any = None,
    margin_right: Any = None,
    margin_bottom: Any = None,
    margin_left: Any = None,
    theme: Any = None,
    base_font_size: Any = None,
    output_location: Any = None,
    pdf_metadata: Any = None,
    image_base_url: Any = None,
    **options: Unpack[Options],
) -> Step:
    """Make a PDF of Markdown (``GENERATE_PDF``).

    Args:
        markdown: The text.
        page_size: ``A4`` on the server's side.
        margin_top: Points, as the other margins; 72 on the server's side.
        margin_right: Points.
        margin_bottom: Points.
        margin_left: Points.
        theme: ``default`` on the server's side.
        base_font_size: Points; 11 on the server's side.
        output_location: Where it goes.
        pdf_metadata: Title, author and the like.
        image_base_url: What the addresses of images are relative to.
        options: See ``Options``.
    """
    inputs = given(
        markdown=markdown,
        page_size=page_size,
        margin_top=margin_top,
        margin_right=margin_right,
        margin_bottom=margin_bottom,
        margin_left=margin_left,
        theme=theme,
        base_font_size=base_font_size,
        output_location=output_location,
        pdf_metadata=pdf_metadata,
        image_base_url=image_base_url,
    )
    step: Step = make("GENERATE_PDF", inputs, options)
    return step
