"""Language models: completions and embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import Unpack

from conductor.workflow.step import Options, Step, make
from conductor.workflow.tasks.wire import camel, given

__all__ = [
    "ModelOptions",
    "llm_chat_complete",
    "llm_generate_embeddings",
    "llm_get_embeddings",
    "llm_index_document",
    "llm_index_text",
    "llm_search_embeddings",
    "llm_search_index",
    "llm_store_embeddings",
    "llm_text_complete",
    "model_step",
]


class ModelOptions(Options, total=False):
    """What every task of a model takes, besides ``Options``.

    Attributes:
        integration_name: The integration, where it is not the provider's name.
        integration_names: Kind of integration to its name.
        prompt_variables: Values for the prompt's variables.
        prompt_version: The prompt template's version.
        temperature: From 0.
        top_p: From 0 to 1.
        top_k: A number.
        max_tokens: Of the answer.
        max_results: How many answers.
        frequency_penalty: A number.
        presence_penalty: A number.
        stop_words: A list of words.
        allow_raw_prompts: Whether a prompt may be text, and not only a template's name.
    """

    integration_name: Any
    integration_names: Any
    prompt_variables: Any
    prompt_version: Any
    temperature: Any
    top_p: Any
    top_k: Any
    max_tokens: Any
    max_results: Any
    frequency_penalty: Any
    presence_penalty: Any
    stop_words: Any
    allow_raw_prompts: Any


_OWN = ModelOptions.__annotations__.keys() - Options.__annotations__.keys()


def model_step(type_: str, inputs: Mapping[str, Any], options: ModelOptions) -> Step:
    """A step of a model, with what of its options are input parameters."""
    values: dict[str, Any] = dict(options)
    model = {camel(name): values.pop(name) for name in list(values) if name in _OWN}
    plain: Any = values
    step: Step = make(type_, {**inputs, **{k: v for k, v in model.items() if v is not None}}, plain)
    return step


def llm_text_complete(
    provider: Any,
    model: Any,
    prompt: Any = None,
    *,
    prompt_name: Any = None,
    json_output: bool | None = None,
    **options: Unpack[ModelOptions],
) -> Step:
    """Have a model complete a text (``LLM_TEXT_COMPLETE``); the answer is ``step.output.result``.

    Args:
        provider: The provider, or the integration's name.
        model: The model.
        prompt: The text,
        prompt_name: or the name of a prompt template.
        json_output: Whether the answer is JSON.
        options: See ``ModelOptions``.
    """
    inputs = given(llm_provider=provider, model=model, prompt=prompt, prompt_name=prompt_name, json_output=json_output)
    return model_step("LLM_TEXT_COMPLETE", inputs, options)


def llm_chat_complete(
    provider: Any,
    model: Any,
    messages: Sequence[Any] | Any = None,
    *,
    instructions: Any = None,
    user_input: Any = None,
    tools: Any = None,
    participants: Any = None,
    json_output: bool | None = None,
    input_schema: Any = None,
    output_schema: Any = None,
    output_mime_type: Any = None,
    output_location: Any = None,
    thinking_token_limit: Any = None,
    reasoning_effort: Any = None,
    reasoning_summary: Any = None,
    previous_response_id: Any = None,
    web_search: bool | None = None,
    code_interpreter: bool | None = None,
    file_search_vector_store_ids: Any = None,
    google_search_retrieval: bool | None = None,
    voice: Any = None,
    **options: Unpack[ModelOptions],
) -> Step:
    """Have a model go on with a conversation (``LLM_CHAT_COMPLETE``); the answer is ``step.output.result``.

    Args:
        provider: The provider, or the integration's name.
        model: The model.
        messages: Each ``{"role": "user", "message": "..."}``; or a reference to such a list.
        instructions: The system prompt, or a prompt template's name.
        user_input: The last message, in place of ``messages``.
        tools: What the model may call.
        participants: Name to role, in a conversation of several.
        json_output: Whether the answer is JSON.
        input_schema: What the prompt's inputs are checked against.
        output_schema: What the answer is checked against.
        output_mime_type: The answer's media type.
        output_location: Where the answer goes.
        thinking_token_limit: Tokens for thinking.
        reasoning_effort: ``low``, ``medium`` or ``high``.
        reasoning_summary: ``auto``, ``concise`` or ``detailed``.
        previous_response_id: The answer that it goes on from.
        web_search: Whether the model may search the web.
        code_interpreter: Whether it may run code.
        file_search_vector_store_ids: Stores that it may search.
        google_search_retrieval: Whether it may search with Google.
        voice: The voice of a spoken answer.
        options: See ``ModelOptions``.
    """
    inputs = given(
        llm_provider=provider,
        model=model,
        instructions=instructions,
        messages=messages,
        user_input=user_input,
        tools=tools,
        participants=participants,
        json_output=json_output,
        input_schema=input_schema,
        output_schema=output_schema,
        output_mime_type=output_mime_type,
        output_location=output_location,
        thinking_token_limit=thinking_token_limit,
        reasoning_effort=reasoning_effort,
        reasoning_summary=reasoning_summary,
        previous_response_id=previous_response_id,
        web_search=web_search,
        code_interpreter=code_interpreter,
        file_search_vector_store_ids=file_search_vector_store_ids,
        google_search_retrieval=google_search_retrieval,
        voice=voice,
    )
    return model_step("LLM_CHAT_COMPLETE", inputs, options)


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
    id: Any = None,  # noqa: A002  the wire's word
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
