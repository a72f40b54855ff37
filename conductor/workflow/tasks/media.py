"""Pictures, sound and films made by models."""

from __future__ import annotations

from typing import Any

from typing_extensions import Unpack

from conductor.workflow.step import Step
from conductor.workflow.tasks.llm import ModelOptions, model_step
from conductor.workflow.tasks.wire import given

__all__ = ["generate_audio", "generate_image", "generate_video"]


def generate_image(
    provider: Any,
    model: Any,
    prompt: Any,
    *,
    count: Any = None,
    width: Any = None,
    height: Any = None,
    size: Any = None,
    style: Any = None,
    weight: Any = None,
    output_format: Any = None,
    **options: Unpack[ModelOptions],
) -> Step:
    """Have a model make pictures (``GENERATE_IMAGE``).

    Args:
        provider: The provider, or the integration's name.
        model: The model.
        prompt: What is to be seen.
        count: How many; 1 on the server's side.
        width: Pixels; 1024 on the server's side.
        height: Pixels; 1024 on the server's side.
        size: Both, as ``1024x1024``.
        style: The model's word.
        weight: A number.
        output_format: ``jpg``, ``png`` or ``webp``.
        options: See ``ModelOptions``.
    """
    inputs = given(
        llm_provider=provider,
        model=model,
        prompt=prompt,
        n=count,
        width=width,
        height=height,
        size=size,
        style=style,
        weight=weight,
        output_format=output_format,
    )
    return model_step("GENERATE_IMAGE", inputs, options)


def generate_audio(
    provider: Any,
    model: Any,
    text: Any,
    *,
    voice: Any = None,
    speed: Any = None,
    response_format: Any = None,
    count: Any = None,
    **options: Unpack[ModelOptions],
) -> Step:
    """Have a model speak a text (``GENERATE_AUDIO``).

    Args:
        provider: The provider, or the integration's name.
        model: The model.
        text: The text.
        voice: The voice's name.
        speed: 1.0 on the server's side.
        response_format: ``mp3`` on the server's side.
        count: How many.
        options: See ``ModelOptions``.
    """
    inputs = given(
        llm_provider=provider,
        model=model,
        text=text,
        voice=voice,
        speed=speed,
        response_format=response_format,
        n=count,
    )
    return model_step("GENERATE_AUDIO", inputs, options)


def generate_video(
    provider: Any,
    model: Any,
    prompt: Any,
    *,
    input_image: Any = None,
    duration: Any = None,
    width: Any = None,
    height: Any = None,
    fps: Any = None,
    size: Any = None,
    aspect_ratio: Any = None,
    resolution: Any = None,
    output_format: Any = None,
    style: Any = None,
    motion: Any = None,
    seed: Any = None,
    guidance_scale: Any = None,
    negative_prompt: Any = None,
    person_generation: Any = None,
    generate_audio: Any = None,
    generate_thumbnail: Any = None,
    thumbnail_timestamp: Any = None,
    max_duration_seconds: Any = None,
    max_cost_dollars: Any = None,
    count: Any = None,
    **options: Unpack[ModelOptions],
) -> Step:
    """Have a model make a film (``GENERATE_VIDEO``).

    Args:
        provider: The provider, or the integration's name.
        model: The model.
        prompt: What is to be seen.
        input_image: The first picture: its address, or Base64.
        duration: Seconds; 5 on the server's side.
        width: Pixels; 1280 on the server's side.
        height: Pixels; 720 on the server's side.
        fps: Pictures a second; 24 on the server's side.
        size: Both sides, as ``1280x720``.
        aspect_ratio: As ``16:9``.
        resolution: As ``720p``.
        output_format: ``mp4`` on the server's side.
        style: The model's word.
        motion: ``slow``, ``medium``, ``fast`` or ``extreme``.
        seed: The same one gives the same film.
        guidance_scale: From 1 to 20: how closely the prompt is kept to.
        negative_prompt: What is not to be seen.
        person_generation: ``dont_allow`` or ``allow_adult``.
        generate_audio: Whether it has sound.
        generate_thumbnail: Whether a small picture comes with it.
        thumbnail_timestamp: The second that it is taken from.
        max_duration_seconds: The longest film.
        max_cost_dollars: The highest price.
        count: How many.
        options: See ``ModelOptions``.
    """
    inputs = given(
        llm_provider=provider,
        model=model,
        prompt=prompt,
        input_image=input_image,
        duration=duration,
        width=width,
        height=height,
        fps=fps,
        size=size,
        aspect_ratio=aspect_ratio,
        resolution=resolution,
        output_format=output_format,
        style=style,
        motion=motion,
        seed=seed,
        guidance_scale=guidance_scale,
        negative_prompt=negative_prompt,
        person_generation=person_generation,
        generate_audio=generate_audio,
        generate_thumbnail=generate_thumbnail,
        thumbnail_timestamp=thumbnail_timestamp,
        max_duration_seconds=max_duration_seconds,
        max_cost_dollars=max_cost_dollars,
        n=count,
    )
    return model_step("GENERATE_VIDEO", inputs, options)
