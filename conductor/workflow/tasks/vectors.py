"""Embeddings, and the databases that keep them."""

from __future__ import annotations

from typing import Any

from typing_extensions import Unpack

from conductor.workflow.step import Step
from conductor.workflow.tasks.llm import ModelOptions, model_step
from conductor.workflow.tasks.wire import given

__all__ = [
    "llm_generate_embeddings",
    "llm_get_embeddings",
    "llm_index_document",
    "llm_index_text",
    "llm_search_embeddings",
    "llm_search_index",
    "llm_store_embeddings",
]


def llm_generate_embeddings(
    provider: Any, model: Any, text: Any, *, dimensions: Any = None, **options: Unpack[ModelOptions]
) -> Step:
    """Make embeddings of a text (``LLM_GENERATE_EMBEDDINGS``); they are ``step.output.result``.

    Args:
        provider: The provider, or the integration's name.
        model: The embedding model.
        text: The text.
        dimensions: How many numbers.
        options: See ``ModelOptions``.
    """
    inputs = given(llm_provider=provider, model=model, text=text, dimensions=dimensions)
    return model_step("LLM_GENERATE_EMBEDDINGS", inputs, options)


def llm_store_embeddings(
    vector_db: Any,
    index: Any,
    embeddings: Any,
    *,
    namespace: Any = None,
    id: Any = None,
    document_metadata: Any = None,
    embedding_provider: Any = None,
    embedding_model: Any = None,
    **options: Unpack[ModelOptions],
) -> Step:
    """Store embeddings in a vector database (``LLM_STORE_EMBEDDINGS``).

    Args:
        vector_db: The database integration's name.
        index: The index, or collection.
        embeddings: A list of numbers, or a reference to one.
        namespace: The part of the index.
        id: The document's id.
        document_metadata: Free map that is stored with it.
        embedding_provider: The provider of the embedding model.
        embedding_model: The model that made them.
        options: See ``ModelOptions``.
    """
    inputs = given(
        vector_db=vector_db,
        index=index,
        embeddings=embeddings,
        namespace=namespace,
        id=id,
        metadata=document_metadata,
        embedding_model_provider=embedding_provider,
        embedding_model=embedding_model,
    )
    return model_step("LLM_STORE_EMBEDDINGS", inputs, options)


def llm_get_embeddings(
    vector_db: Any,
    index: Any,
    embeddings: Any,
    *,
    namespace: Any = None,
    dimensions: Any = None,
    **options: Unpack[ModelOptions],
) -> Step:
    """Find what is near to embeddings (``LLM_GET_EMBEDDINGS``).

    Args:
        vector_db: The database integration's name.
        index: The index, or collection.
        embeddings: A list of numbers, or a reference to one.
        namespace: The part of the index.
        dimensions: How many numbers.
        options: See ``ModelOptions``.
    """
    inputs = given(vector_db=vector_db, index=index, embeddings=embeddings, namespace=namespace, dimensions=dimensions)
    return model_step("LLM_GET_EMBEDDINGS", inputs, options)


def llm_search_embeddings(
    vector_db: Any,
    index: Any,
    embeddings: Any,
    *,
    namespace: Any = None,
    dimensions: Any = None,
    filters: Any = None,
    **options: Unpack[ModelOptions],
) -> Step:
    """Search a vector database by embeddings (``LLM_SEARCH_EMBEDDINGS``).

    Args:
        vector_db: The database integration's name.
        index: The index, or collection.
        embeddings: A list of numbers, or a reference to one.
        namespace: The part of the index.
        dimensions: How many numbers.
        filters: Metadata that the found ones must have.
        options: See ``ModelOptions``.
    """
    inputs = given(
        vector_db=vector_db,
        index=index,
        embeddings=embeddings,
        namespace=namespace,
        dimensions=dimensions,
        metadata=filters,
    )
    return model_step("LLM_SEARCH_EMBEDDINGS", inputs, options)


def llm_search_index(
    vector_db: Any,
    index: Any,
    query: Any,
    *,
    embedding_provider: Any,
    embedding_model: Any,
    namespace: Any = None,
    dimensions: Any = None,
    filters: Any = None,
    **options: Unpack[ModelOptions],
) -> Step:
    """Search a vector database by text (``LLM_SEARCH_INDEX``).

    Args:
        vector_db: The database integration's name.
        index: The index, or collection.
        query: The text.
        embedding_provider: The provider of the embedding model.
        embedding_model: The model that makes the embeddings.
        namespace: The part of the index.
        dimensions: How many numbers.
        filters: Metadata that the found ones must have.
        options: See ``ModelOptions``.
    """
    inputs = given(
        vector_db=vector_db,
        index=index,
        embedding_model_provider=embedding_provider,
        embedding_model=embedding_model,
        query=query,
        namespace=namespace,
        dimensions=dimensions,
        metadata=filters,
    )
    return model_step("LLM_SEARCH_INDEX", inputs, options)


def llm_index_text(
    vector_db: Any,
    index: Any,
    text: Any = None,
    *,
    embedding_provider: Any,
    embedding_model: Any,
    doc_id: Any = None,
    url: Any = None,
    media_type: Any = None,
    namespace: Any = None,
    chunk_size: Any = None,
    chunk_overlap: Any = None,
    dimensions: Any = None,
    document_metadata: Any = None,
    **options: Unpack[ModelOptions],
) -> Step:
    """Store a text, cut into pieces, with their embeddings (``LLM_INDEX_TEXT``).

    Args:
        vector_db: The database integration's name.
        index: The index, or collection.
        text: The text,
        embedding_provider: The provider of the embedding model.
        embedding_model: The model that makes the embeddings.
        doc_id: The document's id.
        url: or where the text is.
        media_type: Its media type.
        namespace: The part of the index.
        chunk_size: Characters of each piece; 12000 on the server's side.
        chunk_overlap: Characters that two pieces share; 400 on the server's side.
        dimensions: How many numbers.
        document_metadata: Free map that is stored with it.
        options: See ``ModelOptions``.
    """
    inputs = given(
        vector_db=vector_db,
        index=index,
        embedding_model_provider=embedding_provider,
        embedding_model=embedding_model,
        text=text,
        doc_id=doc_id,
        url=url,
        media_type=media_type,
        namespace=namespace,
        chunk_size=chunk_size,
        chunk_overlap=chunk_overlap,
        dimensions=dimensions,
        metadata=document_metadata,
    )
    return model_step("LLM_INDEX_TEXT", inputs, options)


def llm_index_document(
    vector_db: Any,
    index: Any,
    url: Any,
    *,
    embedding_provider: Any,
    embedding_model: Any,
    media_type: Any = None,
    doc_id: Any = None,
    namespace: Any = None,
    chunk_size: Any = None,
    chunk_overlap: Any = None,
    document_metadata: Any = None,
    **options: Unpack[ModelOptions],
) -> Step:
    """Load a document and store it as ``llm_index_text`` does (``LLM_INDEX_DOCUMENT``, Orkes).

    Args:
        vector_db: The database integration's name.
        index: The index, or collection.
        url: Where the document is.
        embedding_provider: The provider of the embedding model.
        embedding_model: The model that makes the embeddings.
        media_type: The document's media type.
        doc_id: The document's id.
        namespace: The part of the index.
        chunk_size: Characters of each piece.
        chunk_overlap: Characters that two pieces share.
        document_metadata: Free map that is stored with it.
        options: See ``ModelOptions``.
    """
    inputs = given(
        vector_db=vector_db,
        index=index,
        embedding_model_provider=embedding_provider,
        embedding_model=embedding_model,
        url=url,
        media_type=media_type,
        doc_id=doc_id,
        namespace=namespace,
        chunk_size=chunk_size,
        chunk_overlap=chunk_overlap,
        metadata=document_metadata,
    )
    return model_step("LLM_INDEX_DOCUMENT", inputs, options)
