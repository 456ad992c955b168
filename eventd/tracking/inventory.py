"""The inventory of one connection: the last known picture of its domains, and its hosts.

Keeps what object updates say, and tells who a domain is. What a difference between two pictures
means is decided in `eventd.tracking.lifecycle`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from eventd.model.domain import Domain, DomainState
from eventd.model.picture import DomainPicture, HostPicture, PowerState
from eventd.tracking.properties import only_identity, pictured, text_of
from eventd.tracking.questions import Questions
from eventd.vi.names import domain_name
from eventd.vi.types import ObjectUpdate, UpdateKind

__all__ = ["Inventory", "Step", "SuspendMode"]


class SuspendMode(StrEnum):
    """What a suspended domain is called."""

    PAUSED = "paused"
    """As libvirt's ESX driver calls it: state paused, with an id."""
    SAVED = "saved"
    """As VI does it, memory to disk: state shut off (saved), without an id."""


class Step(NamedTuple):
    """One domain's picture before and after one object update; None where it is not known."""

    before: DomainPicture | None
    after: DomainPicture | None
    is_reset: bool = False
    """True if the domain was off in between, for a reset and nothing else."""

    @property
    def reference(self) -> str:
        """Whose step it is."""
        picture = self.after or self.before
        return picture.reference if picture else ""


_INACTIVE = (DomainState.SHUTOFF, DomainState.NOSTATE)


class Inventory:
    """Domains and hosts of one connection, by the value of their managed object reference."""

    def __init__(
        self,
        connection: str,
        *,
        suspend: SuspendMode,
        known: Mapping[str, DomainPicture],
        host: HostPicture,
        questions: Questions,
    ) -> None:
        self._connection = connection
        self._suspend = suspend
        self._questions = questions
        self._host_names: dict[str, str] = {**host.names}
        self._names = host.names
        """The same, as they were when they were last asked for."""
        self._has_new_names = False
        self._host_states: dict[str, str] = {}
        self.identity = host.identity
        """What names the host itself, see `HostPicture.identity`; None where it is not known."""
        self._told_identity: str | None = None
        """What the host has told of that since its whole picture was asked for."""
        self._is_vcenter = False
        self.domains: dict[str, DomainPicture] = {}
        self._by_instance: dict[str, tuple[str, ...]] = {}
        """References of domains, by their instance UUID."""
        self._arrivals: dict[str, datetime] = {}
        self.restore(known)

    def begin(self, *, identity: str | None, is_vcenter: bool) -> None:
        """The whole picture is asked for; a bare host is named by its hardware, later in it."""
        self._told_identity = identity
        self._is_vcenter = is_vcenter

    @property
    def is_of_another_host(self) -> bool:
        """Whether the host that tells is another one than the one that is known."""
        known, told = self.identity, self._told_identity
        return known is not None and told is not None and known != told

    @property
    def newest_identity(self) -> str | None:
        """What names the host that tells, as far as is known."""
        return self._told_identity or self.identity

    def restore(self, known: Mapping[str, DomainPicture]) -> None:
        """Know these domains, and no others."""
        self.domains = dict(known)
        self._questions.restore(known.values())
        self._by_instance = {}
        for picture in known.values():
            self._index(picture)

    def _index(self, picture: DomainPicture) -> None:
        if (identity := picture.instance_uuid) is not None:
            known = self._by_instance.get(identity, ())
            if picture.reference not in known:
                self._by_instance[identity] = (*known, picture.reference)

    def with_instance_uuid(self, identity: str) -> list[DomainPicture]:
        """Return the domains that have an instance UUID: one at most, unless one was copied."""
        pictures = (self.domains.get(ref) for ref in self._by_instance.get(identity, ()))
        return [p for p in pictures if p is not None and p.instance_uuid == identity]

    def take_in_host(self, update: ObjectUpdate) -> None:
        """Keep what an update says about a host."""
        reference = update.obj.value
        name = text_of(update.changes.get("name"))
        if name is not None and self._host_names.get(reference) != name:
            self._host_names[reference] = name
            self._has_new_names = True
        uuid = text_of(update.changes.get("hardware.systemInfo.uuid"))
        if uuid and not self._is_vcenter:  # whose hosts do not name it
            self._told_identity = uuid.lower()
        if (state := text_of(update.changes.get("runtime.connectionState"))) is not None:
            self._host_states[reference] = state

    @property
    def host_names(self) -> Mapping[str, str]:
        """Names of hosts by their reference; the same object until one of them changes."""
        if self._has_new_names:
            self._has_new_names = False
            self._names = MappingProxyType({**self._host_names})
        return self._names

    def host_name(self, host: str | None) -> str | None:
        """Return the name of a host by its reference, where both are known."""
        return self._host_names.get(host or "")

    def host_state(self, host: str | None) -> str | None:
        """Return whether a host is connected to the server that tells of it, in VI's words."""
        return self._host_states.get(host or "")

    def is_connected(self, host: str | None) -> bool:
        """Whether a host is, as far as is known, connected to the server that tells of it."""
        return self._host_states.get(host or "", "connected") == "connected"

    def take_in_domain(self, update: ObjectUpdate) -> Step:
        """Keep what an update says about a domain, and return what it changed.

        An ``enter`` replaces all that was known except the identity: servers send it again for
        domains that they have sent before.
        """
        reference = update.obj.value
        before = self.domains.get(reference)
        if update.kind is UpdateKind.LEAVE:
            return self.remove(reference)
        base = before or DomainPicture(reference)
        if before is not None and update.kind is UpdateKind.ENTER:
            base = only_identity(before)
        after = pictured(base, update.changes)
        if "runtime.question" in update.changes or update.kind is UpdateKind.ENTER:
            was = before.question if before is not None else None
            if was is not None or after.question is not None:
                is_change = update.kind is UpdateKind.MODIFY
                asked = self._questions.show(reference, was, after.question, is_change=is_change)
                after = after._replace(question=asked)
        if after.clean_power_off is not None and after.power_state is not PowerState.POWERED_OFF:
            # It tells of the stop before (VI API reference: unset while on), never of the next.
            after = after._replace(clean_power_off=None)
        if after.boot_time is not None and after.power_state is PowerState.POWERED_OFF:
            # It tells of the run before, and a host may be late to unset it.
            after = after._replace(boot_time=None)
        if before is not None and before.is_lost and _runs_again(before, after):
            after = after._replace(is_lost=False)
        self.domains[reference] = after
        self._index(after)
        return Step(before, after)

    def shown(self, reference: str) -> DomainPicture | None:
        """Return the picture of a domain, unless it is the shadow of one by fault tolerance."""
        picture = self.domains.get(reference)
        return None if picture is None or picture.is_secondary else picture

    def note_arrival(self, reference: str, at: datetime) -> None:
        """A domain was seen to come on, or to another host, at a time of the host's clock."""
        self._arrivals[reference] = at

    def arrived_at(self, reference: str) -> datetime | None:
        """Return when a domain was last seen to come on, or to its host, by the host's clock."""
        return self._arrivals.get(reference)

    def remove(self, reference: str) -> Step:
        """Forget a domain, and return what was known of it."""
        self._arrivals.pop(reference, None)
        self._questions.forget(reference)
        gone = self.domains.pop(reference, None)
        if gone is not None and gone.instance_uuid is not None:
            known = self._by_instance.pop(gone.instance_uuid, ())
            if left := tuple(each for each in known if each != reference):
                self._by_instance[gone.instance_uuid] = left
        return Step(gone, None)

    def state(self, picture: DomainPicture) -> DomainState:
        """Return libvirt's state for a picture."""
        if picture.power_state is None:
            return DomainState.NOSTATE
        match picture.power:
            case PowerState.POWERED_OFF:
                return DomainState.SHUTOFF
            case PowerState.SUSPENDED:
                is_saved = self._suspend is SuspendMode.SAVED
                return DomainState.SHUTOFF if is_saved else DomainState.PAUSED
            case PowerState.POWERED_ON:
                return _state_while_on(picture)

    def domain(self, picture: DomainPicture) -> Domain:
        """Return who the domain is in a picture."""
        is_active = self.state(picture) not in _INACTIVE
        return Domain(
            connection=self._connection,
            reference=picture.reference,
            uuid=picture.uuid or self._derived_uuid(picture.reference),
            uuid_derived=picture.uuid is None,
            instance_uuid=picture.instance_uuid,
            name=domain_name(picture.name),
            id=_number(picture.reference) if is_active else -1,
            host=self.host_name(picture.host),
        )

    @property
    def host_identity(self) -> str:
        """What names the host the same to every daemon that follows it, where it tells that."""
        return self.identity or self._connection

    def _derived_uuid(self, reference: str) -> str:
        return str(uuid5(NAMESPACE_URL, f"{self.host_identity}/{reference}"))


def _state_while_on(picture: DomainPicture) -> DomainState:
    if picture.has_crashed:
        return DomainState.CRASHED
    if picture.is_on_standby:
        return DomainState.PMSUSPENDED
    if picture.question is not None and picture.question.is_out_of_space:
        return DomainState.PAUSED
    return DomainState.RUNNING


def _runs_again(before: DomainPicture, after: DomainPicture) -> bool:
    """Whether a domain of a failed host shows itself alive, there or on another host."""
    return after.connection_state == "connected" or (
        (before.host, before.boot_time) != (after.host, after.boot_time)
    )


def _number(reference: str) -> int:
    """Return the positive number in a reference (``42``, ``vm-42``), else -1.

    libvirt's ESX driver takes the domain's id from there (src/esx/esx_vi.c), as a C ``int``.
    """
    match = re.fullmatch(r"(?:vm-)?(\d{1,10})", reference, re.ASCII)
    number = int(match[1]) if match else 0
    return number if 0 < number < 2**31 else -1
