"""How VI's property paths become the fields of a domain's picture.

One table: a path, the field that it fills, and how its value is read. Values arrive as text and
are interpreted here; one that cannot be read counts as unset, so that one odd domain never
spoils the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from zlib import crc32

from eventd.model.domain import Choice, Question
from eventd.model.picture import DomainPicture, PowerState
from eventd.vi.times import parse_datetime
from eventd.vi.types import HistoryEvent, ObjectUpdate, PropertyValue, QuestionInfo, Unparsed

__all__ = [
    "events_in",
    "not_understood",
    "only_identity",
    "pictured",
    "power_state_in",
    "question_in",
    "text_of",
    "texts_in",
]


def text_of(value: PropertyValue | None) -> str | None:
    """Return a simple property's text, or None."""
    return value if isinstance(value, str) else None


def texts_in(value: PropertyValue | None) -> tuple[str, ...]:
    """Return the texts of an array, and nothing for a value of another form."""
    # The structures of VI are tuples too, but with names of their own.
    if type(value) is not tuple:
        return ()
    return tuple(text for text in value if isinstance(text, str))


def events_in(value: PropertyValue | None) -> tuple[HistoryEvent, ...]:
    """Return the events of an array of them, and nothing for a value of another form."""
    if type(value) is not tuple:
        return ()
    return tuple(event for event in value if isinstance(event, HistoryEvent))


def _instant(value: PropertyValue) -> datetime | None:
    return parse_datetime(value) if isinstance(value, str) else None


def _name(value: PropertyValue) -> str | None:
    return value if isinstance(value, str) and value else None


def _lower(value: PropertyValue) -> str | None:
    return value.lower() if isinstance(value, str) and value else None


def _digest(value: PropertyValue) -> str | None:
    return f"{crc32(value.xml):08x}" if isinstance(value, Unparsed) else None


def question_in(value: PropertyValue | None) -> Question | None:
    """Return a question, which has no id of eventd's yet; None for a value of another form."""
    if not isinstance(value, QuestionInfo):
        return None
    choices = tuple(Choice(key=choice.key, label=choice.label) for choice in value.choices)
    index = value.default_index
    # The index is the host's word and was seen out of range: then there is no default.
    default = choices[index] if index is not None and 0 <= index < len(choices) else None
    return Question(
        id="",  # given by `eventd.tracking.questions`, which knows what was asked before
        vi_id=value.id,
        text=value.text,
        choices=choices,
        default=default,
        message_ids=value.message_ids,
    )


# XML Schema allows 1 and 0 beside the words; servers were seen to send only the words.
_BOOLEANS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}
_POWER_STATES: Mapping[str, PowerState] = {state.value: state for state in PowerState}


def power_state_in(value: PropertyValue | None) -> PowerState | None:
    """Return a power state; None for a value that is none."""
    return _POWER_STATES.get(value) if isinstance(value, str) else None


def _boolean(value: PropertyValue) -> bool | None:
    return _BOOLEANS.get(value) if isinstance(value, str) else None


_FIELDS: Mapping[str, tuple[str, Callable[[PropertyValue], object]]] = {
    "name": ("name", _name),
    "config.uuid": ("uuid", _lower),
    "config.instanceUuid": ("instance_uuid", _lower),
    "runtime.powerState": ("power_state", power_state_in),
    "runtime.host": ("host", text_of),
    "runtime.bootTime": ("boot_time", _instant),
    "runtime.cleanPowerOff": ("clean_power_off", _boolean),
    "runtime.question": ("question", question_in),
    "guest.guestState": ("guest_state", text_of),
    "runtime.connectionState": ("connection_state", text_of),
    "runtime.suspendTime": ("suspend_time", _instant),
    "config.template": ("is_template", _boolean),
    "guest.toolsRunningStatus": ("tools_state", text_of),
    "guest.guestKernelCrashed": ("has_crashed", _boolean),
    "runtime.onlineStandby": ("is_on_standby", _boolean),
    "snapshot.currentSnapshot": ("snapshot", text_of),
    "snapshot.rootSnapshotList": ("snapshot_tree", _digest),
    "config.ftInfo.role": ("fault_tolerance_role", text_of),
}

# While a domain is disconnected or inaccessible the host does not tell these, and they have not
# changed: VI API reference, VirtualMachine.config.
_KEPT_WHEN_UNSET = (
    "name",
    "uuid",
    "instance_uuid",
    "power_state",
    "is_template",
    "fault_tolerance_role",
)


# A first page brings 100 domains, and 10,000 of them come at once: the place of each field is
# looked up beforehand, and a picture is made by the constructor of `tuple`, in half the time that
# its own takes.
_PLACES = {
    path: (DomainPicture._fields.index(field), read, field in _KEPT_WHEN_UNSET)
    for path, (field, read) in _FIELDS.items()
}
_new = tuple.__new__


def pictured(before: DomainPicture, changes: Mapping[str, PropertyValue | None]) -> DomainPicture:
    """Return the picture after the changes; properties that are not in the table are passed by."""
    fields: list[object] = [*before]
    for path, value in changes.items():
        if (known := _PLACES.get(path)) is None:
            continue
        place, read, is_kept = known
        if (found := None if value is None else read(value)) is not None or not is_kept:
            fields[place] = found
    return _new(DomainPicture, fields)


_ANY_STRUCTURE = ("snapshot.rootSnapshotList",)
"""What is compared as a whole, and never read."""


def not_understood(update: ObjectUpdate) -> Iterator[tuple[str, Unparsed]]:
    """Yield what an update tells that cannot be understood, and of which property it is.

    All of what is followed is known; so a structure that has no type of its own is none that can
    be read, and a power state that has no name here is one of a later version of the API.
    """
    for path, value in update.changes.items():
        if type(value) is Unparsed:
            if path not in _ANY_STRUCTURE:
                yield path, value
        elif path == "runtime.powerState" and value is not None and power_state_in(value) is None:
            yield path, Unparsed("VirtualMachinePowerState", repr(value).encode()[:_LONGEST_TEXT])


_LONGEST_TEXT = 4096


def only_identity(picture: DomainPicture) -> DomainPicture:
    """Return the picture without all that a host tells anew when a domain enters."""
    kept = {field: getattr(picture, field) for field in (*_KEPT_WHEN_UNSET, "is_lost")}
    return DomainPicture(picture.reference, **kept)
