"""Which domains a list has, by its flags: ``virConnectListAllDomainsFlags``."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from eventd.errors import InvalidArgument
from eventd.model.domain import DomainState, DomainStatus

__all__ = ["Known", "chosen", "needs_autostart", "needs_snapshots"]

_ACTIVE, _INACTIVE = 1, 2
_PERSISTENT, _TRANSIENT = 4, 8
_RUNNING, _PAUSED, _SHUTOFF, _OTHER = 16, 32, 64, 128
_MANAGED_SAVE, _NO_MANAGED_SAVE = 256, 512
_AUTOSTART, _NO_AUTOSTART = 1024, 2048
_SNAPSHOT, _NO_SNAPSHOT = 4096, 8192
_CHECKPOINT, _NO_CHECKPOINT = 16384, 32768

_BY_STATE = {
    DomainState.RUNNING: _RUNNING,
    DomainState.PAUSED: _PAUSED,
    DomainState.SHUTOFF: _SHUTOFF,
}
_GROUPS = (
    _ACTIVE | _INACTIVE,
    _PERSISTENT | _TRANSIENT,
    _RUNNING | _PAUSED | _SHUTOFF | _OTHER,
    _MANAGED_SAVE | _NO_MANAGED_SAVE,
    _AUTOSTART | _NO_AUTOSTART,
    _SNAPSHOT | _NO_SNAPSHOT,
    _CHECKPOINT | _NO_CHECKPOINT,
)


class Known(NamedTuple):
    """What the host alone knows, as far as the flags need it: references of domains."""

    autostarted: Collection[str] = ()
    with_snapshots: Collection[str] = ()


def needs_autostart(flags: int) -> bool:
    """Whether it has to be known which domains are started with their host."""
    return bool(flags & (_AUTOSTART | _NO_AUTOSTART))


def needs_snapshots(flags: int) -> bool:
    """Whether it has to be known which domains have snapshots."""
    return bool(flags & (_SNAPSHOT | _NO_SNAPSHOT))


def chosen(
    domains: Iterable[DomainStatus],
    flags: int,
    known: Known = Known(),  # noqa: B008 - a value
) -> list[DomainStatus]:
    """Return which domains a list with these flags has: any of each group that is named.

    What VI has not, no domain has: all are persistent, without managed save and checkpoints.

    Raises:
        InvalidArgument: there are flags that nobody knows.
    """
    if unknown := flags & ~sum(_GROUPS):
        raise InvalidArgument(f"unsupported flags ({unknown:#x}) in virConnectListAllDomains")
    groups = [flags & group for group in _GROUPS if flags & group]
    return [each for each in domains if all(_traits(each, known) & group for group in groups)]


def _traits(status: DomainStatus, known: Known) -> int:
    reference = status.domain.reference
    return (
        (_ACTIVE if status.domain.id >= 0 else _INACTIVE)
        | _PERSISTENT
        | _BY_STATE.get(status.state, _OTHER)
        | _NO_MANAGED_SAVE
        | (_AUTOSTART if reference in known.autostarted else _NO_AUTOSTART)
        | (_SNAPSHOT if reference in known.with_snapshots else _NO_SNAPSHOT)
        | _NO_CHECKPOINT
    )
