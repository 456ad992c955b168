"""How VI's property paths become the fields of a domain's picture.

One table: a path, the field that it fills, and how its value is read. Values arrive as text and
are interpreted here; one that cannot be read counts as unset, so that one odd domain never
spoils the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from eventd.model.domain import Choice, Question
from eventd.model.picture import DomainPicture, PowerState
from eventd.vi.times import parse_datetime
from eventd.vi.types import (
    ManagedObjectReference,
    PropertyChange,
    PropertyValue,
    QuestionInfo,
    TaskInfo,
    Unparsed,
)

__all__ = ["only_identity", "pictured", "text_of", "texts_in"]


def text_of(value: PropertyValue | None) -> str | None:
    """Return a simple property's text, or None."""
    return value if isinstance(value, str) else None


def texts_in(value: PropertyValue | None) -> tuple[str, ...]:
    """Return the texts of an array, and nothing for a value of another form."""
    match value:
        case None | str() | ManagedObjectReference() | TaskInfo() | QuestionInfo() | Unparsed():
            return ()
        case _:
            return value


def _reference(value: PropertyValue | None) -> str | None:
    return value.value if isinstance(value, ManagedObjectReference) else None


def _boolean(value: PropertyValue | None) -> bool | None:
    # XML Schema allows 1 and 0 beside the words; servers were seen to send only the words.
    return {"true": True, "1": True, "false": False, "0": False}.get(text_of(value) or "")


def _instant(value: PropertyValue | None) -> datetime | None:
    text = text_of(value)
    return parse_datetime(text) if text else None


def _power_state(value: PropertyValue | None) -> PowerState | None:
    try:
        return PowerState(text_of(value) or "")
    except ValueError:
        return None


def _lower(value: PropertyValue | None) -> str | None:
    text = text_of(value)
    return text.lower() if text else None


def _question(value: PropertyValue | None) -> Question | None:
    if not isinstance(value, QuestionInfo):
        return None
    choices = tuple(Choice(key=choice.key, label=choice.label) for choice in value.choices)
    index = value.default_index
    # The index is the host's word and was seen out of range: then there is no default.
    default = choices[index] if index is not None and 0 <= index < len(choices) else None
    return Question(id=value.id, text=value.text, choices=choices, default=default)


_FIELDS: Mapping[str, tuple[str, Callable[[PropertyValue | None], object]]] = {
    "name": ("name", lambda value: text_of(value) or ""),
    "config.uuid": ("uuid", _lower),
    "config.instanceUuid": ("instance_uuid", _lower),
    "runtime.powerState": ("power_state", _power_state),
    "runtime.host": ("host", _reference),
    "runtime.bootTime": ("boot_time", _instant),
    "runtime.cleanPowerOff": ("clean_power_off", _boolean),
    "runtime.question": ("question", _question),
    "guest.guestState": ("guest_state", text_of),
}

# While a domain is disconnected or inaccessible the host does not tell these, and they have not
# changed: VI API reference, VirtualMachine.config.
_KEPT_WHEN_UNSET = ("name", "uuid", "instance_uuid", "power_state")


def pictured(before: DomainPicture, changes: Iterable[PropertyChange]) -> DomainPicture:
    """Return the picture after the changes; properties that are not in the table are passed by."""
    fields: dict[str, object] = {}
    for change in changes:
        if (known := _FIELDS.get(change.name)) is None:
            continue
        field, read = known
        value = read(change.value)
        if value or field not in _KEPT_WHEN_UNSET:
            fields[field] = value
    return before._replace(**fields)  # type: ignore[arg-type]


def only_identity(picture: DomainPicture) -> DomainPicture:
    """Return the picture without all that a host tells anew when a domain enters."""
    kept = {field: getattr(picture, field) for field in _KEPT_WHEN_UNSET}
    return DomainPicture(picture.reference)._replace(**kept)
