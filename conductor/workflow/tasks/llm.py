"""Language models: completions, and the documents that they read and write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import Unpack

from conductor.workflow.step import Options, Step, make
from conductor.workflow.tasks.wire import camel, given

__all__ = [
    "ModelOptions",
    "chunk_text",
    "generate_pdf",
    "get_document",
    "list_files",
    "llm_chat_complete",
    "llm_text_complete",
    "model_step",
    "parse_document",
]


def get_document(url: Any, *, media_type: Any = None, **options: Unpack[Options]) -> Step:
    """Load a document (``GET_DOCUMENT``, Orkes).

    Args:
        url: The document's address.
        media_type: The document's media type.
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
    """List the files at a location (``LIST_FILES``, Orkes).

    Args:
        location: The location.
        file_types: A list of file extensions.
        integration: The name of the integration.
        integrations: Names of integrations, by kind.
        output_location: The location to write the list to.
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
    """Extract the text of a document (``PARSE_DOCUMENT``, Orkes).

    Args:
        url: The document's address.
        integration: The integration with access to it.
        media_type: The document's media type, or ``auto``.
        chunk_size: Characters of each chunk; 0 for a single chunk.
        options: See ``Options``.
    """
    inputs = given(integration_name=integration, url=url, media_type=media_type, chunk_size=chunk_size)
    step: Step = make("PARSE_DOCUMENT", inputs, options)
    return step


def chunk_text(text: Any, *, chunk_size: Any = None, media_type: Any = None, **options: Unpack[Options]) -> Step:
    """Split text into chunks (``CHUNK_TEXT``, Orkes).

    Args:
        text: The text.
        chunk_size: Characters of each chunk.
        media_type: The text's media type, or ``auto``.
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
    """Convert Markdown to PDF (``GENERATE_PDF``).

    Args:
        markdown: The Markdown.
        page_size: The page size; the server's default is ``A4``.
        margin_top: The top margin in points; the server's default is 72, as for the other margins.
        margin_right: The right margin in points.
        margin_bottom: The bottom margin in points.
        margin_left: The left margin in points.
        theme: The theme; the server's default is ``default``.
        base_font_size: The font size in points; the server's default is 11.
        output_location: The location to write the PDF to.
        pdf_metadata: Metadata such as title and author.
        image_base_url: The base address of relative image addresses.
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


class ModelOptions(Options, total=False):
    """The options of every task that uses a model, in addition to ``Options``.

    Attributes:
        integration_name: The name of the integration, if it differs from the provider's name.
        integration_names: Names of integrations, by kind.
        prompt_variables: Values of the prompt's variables.
        prompt_version: The version of the prompt template.
        temperature: The sampling temperature, from 0.
        top_p: The cumulative probability of the tokens to sample from, from 0 to 1.
        top_k: The number of tokens to sample from.
        max_tokens: The maximum number of tokens of the response.
        max_results: The maximum number of results.
        frequency_penalty: The penalty for tokens by their frequency so far.
        presence_penalty: The penalty for tokens that have occurred before.
        stop_words: Strings that end the response.
        allow_raw_prompts: Whether a prompt can be plain text instead of the name of a template.
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
    """Create a step that uses a model; its ``ModelOptions`` become input parameters."""
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
    """Complete text with a model (``LLM_TEXT_COMPLETE``). The response is ``step.output.result``.

    Args:
        provider: The provider, or the integration's name.
        model: The model.
        prompt: The prompt.
        prompt_name: The name of a prompt template, instead of ``prompt``.
        json_output: Whether the response is JSON.
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
    """Continue a conversation with a model (``LLM_CHAT_COMPLETE``). The response is ``step.output.result``.

    Args:
        provider: The provider, or the integration's name.
        model: The model.
        messages: A list of ``{"role": "user", "message": "..."}``, or a reference to such a list.
        instructions: The system prompt, or the name of a prompt template.
        user_input: The last message, instead of ``messages``.
        tools: The tools that the model can call.
        participants: Roles by name, in a conversation of several participants.
        json_output: Whether the response is JSON.
        input_schema: The schema of the prompt's inputs.
        output_schema: The schema of the response.
        output_mime_type: The media type of the response.
        output_location: The location to write the response to.
        thinking_token_limit: The maximum number of tokens for reasoning.
        reasoning_effort: ``low``, ``medium`` or ``high``.
        reasoning_summary: ``auto``, ``concise`` or ``detailed``.
        previous_response_id: The id of the response to continue from.
        web_search: Whether the model can search the web.
        code_interpreter: Whether the model can run code.
        file_search_vector_store_ids: Ids of the vector stores that the model can search.
        google_search_retrieval: Whether the model can use Google Search.
        voice: The voice of a spoken response.
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
