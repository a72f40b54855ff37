"""Annotations that pydantic understands: its models and types, and constraints in ``Annotated``."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Annotated, Any

from conductor.models.codec import dumps
from conductor.worker.mismatch import Mismatch, UnsupportedAnnotationError, describe

__all__ = ["has_constraints", "is_pydantic_type", "pydantic_hook"]

#: Constraints of pydantic's own that check, or change, a value of the annotated type.
_CHECKS = frozenset(
    {
        *("AfterValidator", "AllowInfNan", "FailFast", "PathType", "StringConstraints", "UuidVersion"),
        "_PydanticGeneralMetadata",  # pattern, max_digits and others of pydantic.Field
    }
)
#: The packages whose metadata constrains a type.
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
    from pydantic import TypeAdapter, ValidationError
    from pydantic.errors import PydanticUserError

    checks_only = base is not None and all(_is_check(one) for one in kind.__metadata__)
    try:
        adapter = TypeAdapter(kind)
    except (PydanticUserError, TypeError, NameError) as error:
        if not checks_only:
            raise UnsupportedAnnotationError(f"{describe(kind)}: {str(error).splitlines()[0]}") from None
        annotated: Any = Annotated
        arguments = (Any, *kind.__metadata__)
        adapter = TypeAdapter(annotated[arguments])  # pydantic does not know the type

    if not getattr(adapter, "pydantic_complete", True):  # pydantic before 2.10 always raises above
        raise UnsupportedAnnotationError(f"{describe(kind)}: a field's annotation names what is not defined yet")

    def convert(value: Any, _: Any) -> Any:
        try:
            if checks_only and base is not None:
                return adapter.validate_python(base(value, kind))
            return adapter.validate_json(dumps(value))
        except ValidationError as error:
            first = error.errors()[0]
            steps = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]]
            if first["type"] == "missing":
                raise Mismatch(kind, why=describe(kind), is_missing=True, steps=steps[::-1]) from None
            expected, why = _explain(first["msg"], kind)
            raise Mismatch(expected, first.get("input", value), why, steps=steps[::-1]) from None

    return convert


def _explain(message: str, kind: Any) -> tuple[Any, str]:
    """What pydantic expected: ``Input should be greater than 0`` says it, another message is the reason."""
    start = "Input should be "
    return (message.removeprefix(start), "") if message.startswith(start) else (kind, message)


def _is_check(metadata: Any) -> bool:
    """Whether metadata only checks the converted value; other metadata needs the JSON value itself.

    ``Strict`` and ``BeforeValidator`` look at the JSON value, and ``Json`` and ``Base64Bytes`` decode it.
    """
    inner = getattr(metadata, "metadata", None)  # of pydantic.Field(...)
    if type(metadata).__name__ == "FieldInfo" and isinstance(inner, list):
        return all(_is_check(one) for one in inner) and getattr(metadata, "discriminator", None) is None
    if not _is_constraint(metadata):
        return True  # metadata for others, such as a description
    is_annotated_types = type(metadata).__module__.partition(".")[0] == "annotated_types"
    is_check = is_annotated_types or type(metadata).__name__ in _CHECKS
    return is_check and not getattr(metadata, "strict", None)
