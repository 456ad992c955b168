"""Which domains went down with their host: HA declared it failed, and they are out of sight.

The properties of such a domain stay as they were before: it seems to be on until HA has started it
again, or the host is back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from eventd.model.picture import DomainPicture, PowerState
from eventd.tracking.event_types import HOST_FAILURES
from eventd.tracking.history import History
from eventd.tracking.inventory import Inventory
from eventd.tracking.judgement import Moment
from eventd.vi.types import HistoryEvent

__all__ = ["lost_domains"]

_FAILURE_SHOWS = timedelta(minutes=2)
"""How long after the failure of a host its domains may still be seen to go; our choice."""


def lost_domains(
    inventory: Inventory, history: History, moment: Moment, *, among: Iterable[str]
) -> Iterator[DomainPicture]:
    """Return those of these domains that went down with their host and are not lost yet."""
    for reference in among:
        picture = inventory.domains.get(reference)
        if picture is None or not _may_be_lost(picture):
            continue
        failure = history.of_host(picture.host, HOST_FAILURES)
        if failure is not None and _took_down(failure, picture, moment):
            yield picture


def _may_be_lost(picture: DomainPicture) -> bool:
    """Whether a domain seems to be on, but the server has lost sight of it."""
    is_on = picture.power_state is PowerState.POWERED_ON and not picture.is_secondary
    is_out_of_sight = picture.connection_state not in (None, "connected")
    return is_on and is_out_of_sight and not picture.is_lost


def _took_down(failure: HistoryEvent, picture: DomainPicture, moment: Moment) -> bool:
    """Whether the failure of a host is why a domain is out of sight, and no earlier one."""
    if picture.boot_time is not None and failure.created_time < picture.boot_time:
        return False
    return moment.in_gap or moment.host_time - failure.created_time <= _FAILURE_SHOWS
