"""Events in words: a line for people, and the line that ``virsh event`` prints.

What hosts name things may hold anything, also what moves a terminal's cursor; a line for people
shows such characters instead of sending them, as do JSON and the line of virsh. Where the lines go
is left to the caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from eventd.model.domain import DomainStatus, Question
from eventd.model.events import (
    ConnectionConnected,
    ConnectionDisconnected,
    ConnectionEvent,
    DomainEvent,
    DomainRebooted,
    Event,
    LifecycleEvent,
    QuestionCleared,
    QuestionRaised,
    Severity,
)
from eventd.model.evidence import Cause, TaskEvidence
from eventd.model.lifecycle import StartedDetail

__all__ = ["printable", "printable_json", "sentence", "status_sentence", "virsh_line"]

# Control characters of ISO 6429 (C0, C1), and what turns the direction of text (Unicode UAX 9).
_NOT_PRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

_RED, _GREEN, _YELLOW, _FAINT, _RESET = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[2m", "\x1b[0m"
_GOOD_NEWS = frozenset({"started", "resumed", "connected"})

_CAUSES = {
    Cause.BOOT_TIME: "its boot time changed",
    Cause.GUEST_STATE: "its guest was seen doing so",
    Cause.UNKNOWN: "cause unknown",
}
_CLEAN_POWER_OFF = {True: "it powered off cleanly", False: "it did not power off cleanly"}


def printable(text: str) -> str:
    """Return the text on one line, with every control character as its escape sequence."""
    return _NOT_PRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)


def printable_json(text: str) -> str:
    """Return JSON without line ends as the same JSON without any control character.

    JSON itself escapes C0 only, but terminals obey C1 too.
    """
    return _NOT_PRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def sentence(event: Event, *, colour: bool = False) -> str:
    """Return an event as one line for people, without a line end.

    Example::

        2026-11-20 11:51:59.827Z esx01: web01 stopped (destroyed) on esx-a: VirtualMachine.powerOff
        by root
    """
    match event:
        case DomainEvent():
            who, what = event.domain.connection, _about_domain(event, colour=colour)
        case ConnectionEvent():
            who, what = event.connection, _about_connection(event, colour=colour)
        case _:
            who, what = event.source, _word(event, str(event.kind), colour=colour)
    return f"{_stamp(event.occurred_at, colour=colour)} {printable(who)}: {what}"


def status_sentence(status: DomainStatus, *, at: datetime, colour: bool = False) -> str:
    """Return what a domain is at the moment, as one line like that of `sentence`."""
    domain = status.domain
    stale = " (last known: the connection is lost)" if status.stale else ""
    asks = f", asks {_asked(status.question)}" if status.question else ""
    return (
        f"{_stamp(at, colour=colour)} {printable(domain.connection)}: "
        f"{printable(domain.name)} is {status.state.word}{_on(domain.host)}{stale}{asks}"
    )


def virsh_line(event: Event, *, printed_at: datetime | None = None) -> str | None:
    """Return what ``virsh event --loop`` prints for an event, or None if libvirt has no such event.

    ``printed_at`` is what ``virsh event --timestamp`` puts in front: the time of printing, not that
    of the event, in UTC (libvirt's ``tools/virsh-domain-event.c``). Unlike virsh's, it is
    always one line: control characters in names are escaped.
    """
    match event:
        case LifecycleEvent():
            rest = f": {event.lifecycle.virsh} {event.detail.virsh}"
        case DomainRebooted():
            rest = ""
        case _:
            return None
    stamp = f"{_virsh_stamp(printed_at)}: " if printed_at else ""
    return f"{stamp}event '{event.kind}' for domain '{printable(event.domain.name)}'{rest}"


def _about_domain(event: DomainEvent, *, colour: bool) -> str:
    name = printable(event.domain.name)
    where = _on(event.domain.host)
    match event:
        case LifecycleEvent():
            happened = _word(event, f"{event.type} ({event.reason})", colour=colour)
        case DomainRebooted():
            happened = _word(event, "rebooted", colour=colour)
        case QuestionRaised():
            asks = _word(event, "asks", colour=colour)
            return f"{name}{where} {asks} {_asked(event.question)}"
        case QuestionCleared():
            return f"{name}{where} no longer asks {_asked(event.question)}"
        case _:
            happened = _word(event, str(event.kind), colour=colour)
    because = ", ".join(_because(event))
    return f"{name} {happened}{where}" + (f": {because}" if because else "")


def _about_connection(event: ConnectionEvent, *, colour: bool) -> str:
    word = _word(event, event.type or str(event.kind), colour=colour)
    match event:
        case ConnectionConnected():
            details = f", {event.domains} domain{'' if event.domains == 1 else 's'}"
        case ConnectionDisconnected():
            details = ", its domains are as last known"
        case _:
            details = ""
    return f"{word}{details}" + (f": {printable(event.message)}" if event.message else "")


def _because(event: DomainEvent) -> Iterator[str]:
    """Yield what is known about the cause, the best first."""
    evidence = event.evidence
    arrived = isinstance(event, LifecycleEvent) and event.detail is StartedDetail.MIGRATED
    if arrived and evidence.source_host:
        yield f"from {printable(evidence.source_host)}"
    if evidence.task:
        yield _task(evidence.task)
    elif evidence.cause is Cause.CLEAN_POWER_OFF:
        yield _CLEAN_POWER_OFF[evidence.clean_power_off is not False]
    elif evidence.cause in _CAUSES:
        yield _CAUSES[evidence.cause]
    if evidence.message:
        yield printable(evidence.message)
    if event.synthetic:
        yield "noticed afterwards"


def _task(task: TaskEvidence) -> str:
    starter = task.user or task.reason
    by = f" by {printable(starter)}" if starter else ""
    failed = f", which failed with {printable(task.error)}" if task.error else ""
    return f"{printable(task.description_id)}{by}{failed}"


def _asked(question: Question) -> str:
    choices = ", ".join(
        f"{printable(choice.key)} = {printable(choice.label)}"
        + (" (default)" if choice == question.default else "")
        for choice in question.choices
    )
    return f'"{printable(" ".join(question.text.split()))}"' + (f" [{choices}]" if choices else "")


def _on(host: str | None) -> str:
    return f" on {printable(host)}" if host else ""


def _word(event: Event, word: str, *, colour: bool) -> str:
    """Return the word that carries the news, coloured by how bad they are."""
    if not colour:
        return word
    match event.severity:
        case Severity.ERROR:
            return f"{_RED}{word}{_RESET}"
        case Severity.WARN:
            return f"{_YELLOW}{word}{_RESET}"
        case Severity.INFO:
            return f"{_GREEN}{word}{_RESET}" if event.type in _GOOD_NEWS else word


def _stamp(moment: datetime, *, colour: bool) -> str:
    """Return a time as VMware's own logs have it: in UTC, whatever the place of the reader."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    stamp = f"{utc.isoformat(sep=' ', timespec='milliseconds')}Z"
    return f"{_FAINT}{stamp}{_RESET}" if colour else stamp


def _virsh_stamp(moment: datetime) -> str:
    """Return ``2026-11-20 11:51:59.825+0000``."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(sep=' ', timespec='milliseconds')}+0000"
