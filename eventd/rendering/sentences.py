"""One line for people: when, which connection, which domain, what, why, who, where.

The fields stand in columns, as far as names fit; a field that is empty is ``-``. The words for
what happened are those that filters take.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from eventd.model.arguments import AgentReason, MemoryFailureFlag
from eventd.model.domain import DomainStatus
from eventd.model.events import (
    ConnectionConnected,
    ConnectionDisconnected,
    ConnectionEvent,
    ConnectionResynchronised,
    ConnectionStale,
    ConnectionUnparsed,
    DomainAgentLifecycle,
    DomainDeviceAdded,
    DomainDeviceRemovalFailed,
    DomainDeviceRemoved,
    DomainEvent,
    DomainEventAmended,
    DomainGraphics,
    DomainIOError,
    DomainIOErrorReason,
    DomainJobCompleted,
    DomainMemoryFailure,
    DomainMetadataChanged,
    DomainNICMacChanged,
    DomainTrayChange,
    DomainTunable,
    Event,
    JournalReplaced,
    LifecycleEvent,
    QuestionAnswered,
    QuestionChanged,
    QuestionCleared,
    QuestionEvent,
    QuestionRaised,
    Severity,
    TaskEvent,
    TaskFailed,
    TaskProgressed,
)
from eventd.rendering.causes import because, operation_words
from eventd.rendering.characters import printable, printable_cell
from eventd.rendering.questions import answered, asked, ending_words, question_text

__all__ = ["gap_sentence", "sentence", "status_sentence"]

_RED, _GREEN, _YELLOW, _FAINT, _RESET = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[2m", "\x1b[0m"
_GOOD_NEWS = frozenset({"started", "resumed", "connected", "resynchronised"})

_NOTHING = "-"
# As wide as most of what stands in them: connection, domain, what happened, its reason.
_WIDTHS = (8, 12, 9, 9)
_GAP = "  "


def sentence(event: Event, *, colour: bool = False) -> str:
    """Return an event as one line for people, without a line end.

    Example::

        2026-11-20 11:51:59.827Z  esx01     web01         stopped    destroyed  by root (power off)
    """
    what, reason = _words(event)
    match event:
        case DomainEvent():
            subject = (event.domain.connection, event.domain.name)
            rest = [*_particulars(event), *because(event)]
        case ConnectionEvent():
            subject = (event.connection, _NOTHING)
            rest = [*_about_connection(event)]
        case JournalReplaced():
            subject = (_NOTHING, _NOTHING)
            rest = [printable(event.message), *_kept(event)]
        case _:
            subject = (event.source, _NOTHING)
            rest = []
    return _line(
        event.occurred_at,
        (*subject, what, reason),
        ", ".join(rest),
        hue=_hue(event) if colour else None,
        colour=colour,
    )


def status_sentence(status: DomainStatus, *, at: datetime, colour: bool = False) -> str:
    """Return what a domain is at the moment, as one line like that of `sentence`."""
    domain = status.domain
    rest = (
        f"on {printable(domain.host)}" if domain.host else "",
        "last known: the connection is lost" if status.stale else "",
        f"asks {asked(status.question)}" if status.question else "",
    )
    fields = (domain.connection, domain.name, "is", status.state.word)
    return _line(at, fields, ", ".join(filter(None, rest)), hue=None, colour=colour)


def gap_sentence(reason: str, message: str, *, at: datetime, colour: bool = False) -> str:
    """Return that a stream has lost events, as one line like that of `sentence`."""
    fields = (_NOTHING, _NOTHING, "gap", reason)
    return _line(at, fields, printable(message), hue=_RED if colour else None, colour=colour)


def _line(
    moment: datetime, fields: tuple[str, ...], rest: str, *, hue: str | None, colour: bool
) -> str:
    """Put the fields into columns; the last two carry the news and have the hue of it."""
    texts = map(printable_cell, fields)
    cells = [text.ljust(width) for text, width in zip(texts, _WIDTHS, strict=True)]
    if hue:
        cells[2:] = [_coloured(cell, hue) for cell in cells[2:]]
    return _GAP.join((_stamp(moment, colour=colour), *cells, rest)).rstrip()


def _words(event: Event) -> tuple[str, str]:
    """Return what happened and its reason, in words that filters take."""
    if isinstance(event, LifecycleEvent | ConnectionEvent) and event.type:
        return event.type, event.reason or _NOTHING
    if isinstance(event, QuestionEvent | TaskEvent):
        # Of their reasons there are words below.
        return str(event.kind), event.type or _NOTHING
    return str(event.kind), event.reason or event.type or _NOTHING


def _particulars(event: DomainEvent) -> Iterator[str]:
    """Yield what only events of this kind have, beside their reason."""
    match event:
        case DomainIOError():
            yield from _failed(event)
        case DomainIOErrorReason():
            yield f"action {event.action.word}"
            yield from _failed(event)
        case DomainGraphics():
            yield printable(event.service)
        case (
            DomainTrayChange()
            | DomainDeviceAdded()
            | DomainDeviceRemoved()
            | DomainDeviceRemovalFailed()
        ):
            yield printable(event.dev_alias)
        case DomainTunable():
            for name, value in event.parameters.items():
                yield f"{printable(name)} = {printable(str(value))}"
        case DomainAgentLifecycle() if event.because is not AgentReason.UNKNOWN:
            yield event.because.virsh
        case DomainJobCompleted() if event.time_elapsed is not None:
            yield f"in {event.time_elapsed / 1000:.1f} s"
        case DomainMetadataChanged() if event.uri:
            yield printable(event.uri)
        case DomainMemoryFailure():
            yield f"memory of the {event.recipient.word}"
            for flag in MemoryFailureFlag(event.flags & 3):
                yield str(flag.name).lower().replace("_", " ")
        case DomainNICMacChanged():
            old, new = printable(event.old_mac), printable(event.new_mac)
            yield f"{printable(event.dev_alias)} from {old} to {new}"
        case DomainEventAmended():
            yield _amended(event)
        case QuestionRaised() | QuestionChanged():
            yield asked(event.question)
        case QuestionAnswered():
            yield answered(event)
        case QuestionCleared():
            yield question_text(event.question.text)
            yield ending_words(event.ending)
        case TaskEvent():
            yield _task(event)
        case _:
            pass


def _task(event: TaskEvent) -> str:
    """Return what the task is, and how far, or what has stopped it."""
    task = event.evidence.task
    what = operation_words(task.description_id) if task else "a task"
    match event:
        case TaskProgressed(progress=int(percent)):
            return f"{what} at {percent} %"
        case TaskFailed(cancelled=True):
            return f"{what} was cancelled"
        case TaskFailed():
            why = f": {printable(task.error)}" if task and task.error else ""
            return f"{what} failed{why}"
        case _:
            return what


def _failed(event: DomainIOError | DomainIOErrorReason) -> Iterator[str]:
    if event.dev_alias:
        yield f"disk {printable(event.dev_alias)}"
    if event.src_path:
        yield f"file {printable(event.src_path)}"


def _amended(event: DomainEventAmended) -> str:
    which, was = printable(event.amends), printable(event.amended)
    if event.amended == event.corrected:
        return f"{which} ({was}) has its cause now"
    return f"{which} ({was}) was {printable(event.corrected)}"


def _about_connection(event: ConnectionEvent) -> Iterator[str]:
    match event:
        case ConnectionConnected():
            yield _counted(event.domains, "domain")
        case ConnectionDisconnected():
            yield "its domains are as last known"
        case ConnectionStale():
            yield f"its domains are as last known{_as_of(event.synced_at)}"
        case ConnectionResynchronised():
            yield _counted(event.domains, "domain")
            if event.missed or not event.incomplete:
                yield f"{_counted(event.missed, 'event')} missed{_since(event.synced_at)}"
            if event.incomplete:
                yield "the host's event history could not be read to its end"
            if event.reinstalled:
                yield "it is another host than before"
        case ConnectionUnparsed():
            yield f"{printable(event.element)} not understood"
        case _:
            pass
    if event.message:
        yield printable(event.message)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _as_of(at: datetime | None) -> str:
    return f", at {_stamp(at, colour=False)}" if at is not None else ""


def _since(at: datetime | None) -> str:
    return f" since {_stamp(at, colour=False)}" if at is not None else ""


def _kept(event: JournalReplaced) -> Iterator[str]:
    if event.set_aside:
        yield f"the old file is {printable(event.set_aside)}"


def _hue(event: Event) -> str | None:
    """Return the colour of the news, by how bad they are."""
    match event.severity:
        case Severity.ERROR:
            return _RED
        case Severity.WARN:
            return _YELLOW
        case Severity.INFO:
            return _GREEN if event.type in _GOOD_NEWS else None


def _coloured(cell: str, hue: str) -> str:
    """Colour a word, and not the blanks that fill its column."""
    word = cell.rstrip()
    return f"{hue}{word}{_RESET}{cell[len(word) :]}"


def _stamp(moment: datetime, *, colour: bool) -> str:
    """Return a time as VMware's own logs have it: in UTC, whatever the place of the reader."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    stamp = f"{utc.isoformat(sep=' ', timespec='milliseconds')}Z"
    return f"{_FAINT}{stamp}{_RESET}" if colour else stamp
