"""Language models: completions."""

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
