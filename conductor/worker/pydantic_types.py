"""Annotations that pydantic understands: its models and types, and constraints in ``Annotated``."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

from conductor.models.codec import dumps
from conductor.worker.mismatch import Mismatch, UnsupportedAnnotationError, describe

__all__ = ["has_constraints", "is_pydantic_type", "pydantic_hook"]

_CONSTRAINING_MODULES = ("annotated_types", "pydantic", "pydantic_core")


def _is_constraint(metadata: Any) -> bool:
    module = type(metadata).__module__.partition(".")[0]
    return module in _CONSTRAINING_MODULES or hasattr(metadata, "__get_pydantic_core_schema__")


def has_constraints(kind: Any) -> bool:
    """Return whether the metadata of an ``Annotated`` changes which values are valid."""
    return any(_is_constraint(one) for one in kind.__metadata__)


def is_pydantic_type(kind: type) -> bool:
    """Return whether pydantic converts to this class: a model, a pydantic dataclass, ``HttpUrl``, ``SecretStr``."""
    return hasattr(kind, "__get_pydantic_core_schema__") or hasattr(kind, "__pydantic_validator__")


def pydantic_hook(kind: Any, base: Callable[[Any, Any], Any] | None) -> Callable[[Any, Any], Any]:
    """Return the hook that hands ``kind`` to a ``TypeAdapter``.

    Args:
        kind: The annotation.
        base: Converts to the type that ``kind`` constrains, before the constraints are checked; None where pydantic
            converts from JSON itself.
    """
    if importlib.util.find_spec("pydantic") is None:
        raise UnsupportedAnnotationError(f"{describe(kind)}: its constraints need pydantic, which is not installed")
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415
    from pydantic.errors import PydanticUserError  # noqa: PLC0415

    try:
        adapter = TypeAdapter(kind)
    except (PydanticUserError, TypeError, NameError) as error:
        raise UnsupportedAnnotationError(f"{describe(kind)}: {str(error).splitlines()[0]}") from None
    only_constraints = base is not None and not _transforms(kind)

    def convert(value: Any, _: Any) -> Any:
        try:
            if only_constraints and base is not None:
                return adapter.validate_python(base(value, kind))
            return adapter.validate_json(dumps(value))
        except ValidationError as error:
            first = error.errors()[0]
            steps = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]]
            raise Mismatch(kind, first.get("input", value), first["msg"], steps=steps[::-1]) from None

    return convert


def _transforms(kind: Any) -> bool:
    """Whether the metadata has validators that expect the JSON value, not the converted one."""
    return any(
        type(one).__name__ in {"BeforeValidator", "WrapValidator", "PlainValidator"} for one in kind.__metadata__
    )
