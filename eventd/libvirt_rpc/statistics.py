"""What libvirt calls the statistics of a domain, of what VI tells.

How long processors have worked, and what disks and network cards have moved, VI tells as rates of
the last moments alone: libvirt has no field for those, and nothing is made up.
"""

from __future__ import annotations

from eventd.errors import InvalidArgument
from eventd.libvirt_rpc.events import (
    TypedParameter,
    int_parameter,
    typed_parameter,
    uint_parameter,
)
from eventd.libvirt_rpc.procedures import MemoryStatistic
from eventd.model.domain import DomainStatus
from eventd.model.inspector import DomainFigures

__all__ = ["flags_of_list", "groups_of", "memory_statistics", "needs_figures", "statistics"]

_STATE, _BALLOON, _VCPU = 1, 4, 8
_ALL = _STATE | _BALLOON | _VCPU
"""``virDomainStatsTypes``, as far as there is something for them."""

_NOWAIT, _BACKING, _ENFORCE = 1 << 29, 1 << 30, 1 << 31
"""``virConnectGetAllDomainStatsFlags`` beside those of a list."""


_ACTUAL_BALLOON, _RSS = 6, 7
"""``virDomainMemoryStatTags``, likewise."""


def memory_statistics(figures: DomainFigures) -> list[MemoryStatistic]:
    """Return what is known of a domain's memory, in KiB."""
    known = ((_ACTUAL_BALLOON, figures.current_memory), (_RSS, figures.host_memory_usage))
    return [MemoryStatistic(tag, value) for tag, value in known if value is not None]


def groups_of(asked: int, flags: int) -> int:
    """Return which groups are told where some, or with 0 all, are asked for.

    Raises:
        InvalidArgument: one has to be there, and is not.
    """
    if flags & _ENFORCE and (missing := asked & ~_ALL):
        raise InvalidArgument(f"Stats types bits {missing:#x} are not supported by this daemon")
    return asked or _ALL


def flags_of_list(flags: int) -> int:
    """Return those of the flags that choose domains."""
    return flags & ~(_NOWAIT | _BACKING | _ENFORCE)


def needs_figures(groups: int) -> bool:
    """Whether the groups tell of more than the state, which is known without the host."""
    return bool(groups & (_BALLOON | _VCPU))


def statistics(
    status: DomainStatus, figures: DomainFigures, *, groups: int
) -> list[TypedParameter]:
    """Return what is known of a domain, by libvirt's names of the fields."""
    told: list[TypedParameter] = []
    if groups & _STATE:
        told += [int_parameter("state.state", status.state), int_parameter("state.reason", 0)]
    if groups & _BALLOON and figures.memory is not None:
        told += [
            typed_parameter("balloon.current", figures.current_memory or 0),
            typed_parameter("balloon.maximum", figures.memory),
        ]
        if figures.host_memory_usage is not None:
            told.append(typed_parameter("balloon.rss", figures.host_memory_usage))
    if groups & _VCPU and figures.vcpus is not None:
        told += [
            uint_parameter("vcpu.current", figures.vcpus),
            uint_parameter("vcpu.maximum", figures.vcpus),
        ]
    return told
