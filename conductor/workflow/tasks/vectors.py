"""Embeddings and vector databases."""

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
    """Generate embeddings of text (``LLM_GENERATE_EMBEDDINGS``). They are ``step.output.result``.

    Args:
        provider: The provider, or the integration's name.
        model: The embedding model.
        text: The text.
        dimensions: The number of dimensions.
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
        vector_db: The name of the database integration.
        index: The index or collection.
        embeddings: A list of numbers, or a reference to a list.
        namespace: The namespace of the index.
        id: The document's id.
        document_metadata: Metadata to store with the document.
        embedding_provider: The provider of the embedding model.
        embedding_model: The model that generated the embeddings.
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
    """Find documents near embeddings (``LLM_GET_EMBEDDINGS``).

    Args:
        vector_db: The name of the database integration.
        index: The index or collection.
        embeddings: A list of numbers, or a reference to a list.
        namespace: The namespace of the index.
        dimensions: The number of dimensions.
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
        vector_db: The name of the database integration.
        index: The index or collection.
        embeddings: A list of numbers, or a reference to a list.
        namespace: The namespace of the index.
        dimensions: The number of dimensions.
        filters: Metadata that results must have.
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
        vector_db: The name of the database integration.
        index: The index or collection.
        query: The text.
        embedding_provider: The provider of the embedding model.
        embedding_model: The model that generates the embeddings.
        namespace: The namespace of the index.
        dimensions: The number of dimensions.
        filters: Metadata that results must have.
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
    """Split text into chunks and store them with their embeddings (``LLM_INDEX_TEXT``).

    Args:
        vector_db: The name of the database integration.
        index: The index or collection.
        text: The text.
        embedding_provider: The provider of the embedding model.
        embedding_model: The model that generates the embeddings.
        doc_id: The document's id.
        url: The address of the text, instead of ``text``.
        media_type: The media type of the text.
        namespace: The namespace of the index.
        chunk_size: Characters of each chunk; the server's default is 12000.
        chunk_overlap: Characters that two chunks share; the server's default is 400.
        dimensions: The number of dimensions.
        document_metadata: Metadata to store with the document.
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
    """Load a document and store it like ``llm_index_text`` (``LLM_INDEX_DOCUMENT``, Orkes).

    Args:
        vector_db: The name of the database integration.
        index: The index or collection.
        url: The address of the document.
        embedding_provider: The provider of the embedding model.
        embedding_model: The model that generates the embeddings.
        media_type: The document's media type.
        doc_id: The document's id.
        namespace: The namespace of the index.
        chunk_size: Characters of each chunk.
        chunk_overlap: Characters that two chunks share.
        document_metadata: Metadata to store with the document.
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
