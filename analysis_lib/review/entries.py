"""Entries of TOML and JSON, checked by a pydantic model, with words for everything that is wrong.

A model that inherits from `Entries` is frozen, refuses a key that it does not know, and takes no
value for another kind. A fault is told with file, table, key, value and the choices.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Final, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Strict, ValidationError
from pydantic_core import ErrorDetails

from analysis_lib.base.errors import ReviewError, did_you_mean, shown, stop
from analysis_lib.base.unsafe import UNSAFE_TEXT


class Entries(BaseModel):
    """A table of entries: frozen, with the keys that it names and no other.

    An entry is an attribute, and can be had by its key as in the file; ``**`` passes them all on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def keys(self) -> Iterable[str]:
        """Return the keys."""
        return type(self).model_fields.keys()

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key)


Model = TypeVar("Model", bound=BaseModel)


def _safe(text: str) -> str:
    for pattern, told in UNSAFE_TEXT:
        if pattern.search(text):
            raise ValueError(told)
    return text


T = TypeVar("T")
#: A list, which becomes a tuple: nothing that was read can change.
Items = Annotated[tuple[T, ...], Strict(strict=False)]
#: Words: neither markup nor a character that hides what they say.
Words = Annotated[str, AfterValidator(_safe)]

# What pydantic calls a fault, in the words of somebody who looks at the file.
KINDS: Final = {
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "dataclass_type": "must be a table",
    "dataclass_exact_type": "must be a table",
}


def read_toml(text: str, model: type[Model], file: str) -> Model:
    """Read a TOML document.

    Parameters
    ----------
    text
        The document.
    model
        What it must hold.
    file
        Its name, for messages.

    Raises
    ------
    ReviewError
        If it is not TOML, or an entry is missing, unknown or wrong.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # too many digits, too deep
        raise ReviewError(f"{file}: not readable as TOML: {error}") from None
    return checked(document, model, file)


def checked(document: object, model: type[Model], file: str) -> Model:
    """Return a parsed document as a model.

    Raises
    ------
    ReviewError
        Naming table, key and value of every entry that is missing, unknown or wrong.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        faults = error.errors(include_url=False)
    stop([f"{file}, {told}" for fault in faults for told in _told(fault, model)], f"in {file}")
    raise AssertionError("a model refused a document without a fault")


def _told(fault: ErrorDetails, model: type[BaseModel]) -> Iterator[str]:
    way, kind, value = fault["loc"], fault["type"], fault["input"]
    place = _place(way)
    if kind == "default_factory_not_called":  # what it is made from has its own fault
        return
    if kind == "missing":
        yield f"{place} is missing"
    elif kind == "extra_forbidden":
        known = _keys(model, way[:-1])
        yield f"{place} is not known{did_you_mean(way[-1], known)}; there are {', '.join(known)}"
    elif kind == "literal_error":
        choices = re.findall(r"'([^']*)'", fault["ctx"]["expected"])
        close = did_you_mean(value, choices)
        yield f"{place}: {shown(value)} must be one of {', '.join(choices)}{close}"
    elif kind == "value_error" and isinstance(value, dict):
        yield f"table [{'.'.join(_names(way))}]: {fault['ctx']['error']}"
    elif kind == "value_error":
        yield f"{place}: {shown(value)} {fault['ctx']['error']}"
    else:
        rule = KINDS.get(kind, fault["msg"].replace("Input should be", "must be"))
        yield f"{place}: {shown(value)} {rule}"


def _place(way: Sequence[str | int]) -> str:
    """Name table, key and entry of a list, as ``table [rule.2], key fields, entry 1``."""
    names = _names(way)
    entry = f", entry {names.pop()}" if way and isinstance(way[-1], int) else ""
    *tables, key = names or ["the whole"]
    inside = f"table [{'.'.join(tables)}], " if tables else ""
    return f"{inside}key {key}{entry}"


def _names(way: Sequence[str | int]) -> list[str]:
    """Return a way as names; entries of a list are counted from 1."""
    return [str(part + 1) if isinstance(part, int) else part for part in way]


def _keys(model: type[BaseModel], way: Sequence[str | int]) -> list[str]:
    """Return the keys of the table to which a way leads."""
    for part in way:
        if isinstance(part, str) and part in model.model_fields:
            inner = list(_models_in(model.model_fields[part].annotation))
            model = inner[0] if inner else model
    names = model.model_fields.items()
    return list(dict.fromkeys(str(field.validation_alias or name) for name, field in names))


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Find the models in an annotation such as ``tuple[Difference, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
