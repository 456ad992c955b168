"""The operations that a step of a scenario may name, and the check of what it gives them.

They are the methods of `World` that take a time, as far as TOML can say their arguments.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, reduce
from operator import or_
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from eventd.simulator.world import World

__all__ = ["Mistake", "Operation", "expected", "listed", "operations"]


class Mistake(ValueError):
    """Something in a script is wrong: the message says what, and what to write instead."""


class Operation(NamedTuple):
    """Something that can be done on a world."""

    name: str
    about: str
    """What it does, in a sentence."""
    arguments: Mapping[str, TypeAdapter[Any]]
    required: frozenset[str]

    def __str__(self) -> str:
        optional = [f"[{name}]" for name in self.arguments if name not in self.required]
        needed = [name for name in self.arguments if name in self.required]
        return " ".join([self.name, *needed, *optional])

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Check the arguments of a step; returns those to call the operation with.

        Raises:
            Mistake: one is missing, unknown or wrong.
        """
        for argument in given:
            if argument not in self.arguments:
                takes = listed(self.arguments)
                raise Mistake(f"there is no argument {argument!r}; it takes {takes}")
        for argument in self.arguments:
            if argument in self.required and argument not in given:
                raise Mistake(f"the argument {argument!r} is missing; add it")
        return {name: self._read(name, value) for name, value in given.items()}

    def _read(self, name: str, value: object) -> object:
        try:
            return self.arguments[name].validate_python(value)
        except ValidationError as error:
            words = " or ".join(dict.fromkeys(expected(each) for each in error.errors()))
            raise Mistake(f"{name} = {value!r} is wrong; expected {words}") from error


@cache
def operations() -> Mapping[str, Operation]:
    """All operations, by name."""
    found = {}
    for name, method in inspect.getmembers(World, inspect.isfunction):
        operation = None if name.startswith("_") else _operation(name, method)
        if operation is not None:
            found[name] = operation
    return found


def _operation(name: str, method: Callable[..., object]) -> Operation | None:
    parameters = dict(inspect.signature(method).parameters)
    now = parameters.pop("now", None)
    if now is None or now.kind is not now.KEYWORD_ONLY:
        return None
    del parameters["self"]
    hints = get_type_hints(method)
    types = {each: _as_in_toml(hints[each]) for each in parameters}
    if None in types.values():
        return None
    about, _, _ = (inspect.getdoc(method) or "").partition("\n")
    return Operation(
        name,
        about,
        {each: TypeAdapter(type_, config=_STRICT) for each, type_ in types.items()},
        frozenset(
            each for each, parameter in parameters.items() if parameter.default is parameter.empty
        ),
    )


_STRICT = ConfigDict(strict=True)


def _as_in_toml(hint: Any) -> Any:
    """The part of a type whose values TOML can say; None if there is none."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in (str, bool, int, float) or origin is Literal:
        return hint
    if origin in (Union, UnionType):
        kept = [type_ for each in arguments if (type_ := _as_in_toml(each)) is not None]
        return reduce(or_, kept) if kept else None
    if origin is Sequence:
        return hint if _as_in_toml(arguments[0]) is not None else None
    return None


# Types of errors: https://docs.pydantic.dev/latest/errors/validation_errors/
_EXPECTED = {
    "string_type": "a string",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "is_instance_of": "an array",
    "tuple_type": "an array",
    "dict_type": "a table",
    "model_type": "a table",
}


def expected(error: ErrorDetails) -> str:
    """What a value should have been, in words."""
    context = error.get("ctx", {})
    match error["type"]:
        case "literal_error":
            return str(context["expected"])
        case "greater_than_equal":
            return f"at least {context['ge']:g}"
        case "less_than_equal":
            return f"at most {context['le']:g}"
        case kind:
            return _EXPECTED.get(kind, error["msg"])


def listed(words: Iterable[str]) -> str:
    """Words in a row: ``name, user``."""
    return ", ".join(words) or "none"
