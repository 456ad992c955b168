"""The situations of the catalogue that vcsim can play, told there as on the embedded simulator.

vcsim does by itself what power operations, suspends, resets, guest shutdowns, renames, moves,
snapshots, reconfigurations, clones and removals do. The rest is made of what an option
``SET.<property>`` of a reconfiguration sets and of events that are posted. That reconfiguration
is told as well (``defined updated``) and left out here, but where it is the situation.

Its tasks are all of a user "vcsim", and its events of the user of the session, whoever did it;
each event is a chain of its own. So these cannot be played:

- 2 but for DRS, since its tasks have no other reason than a user's;
- 3, since an event that is the first of its chain tells of a start that had not begun;
- 6 by the event that names nobody; the state of the guest shows it here;
- 12 on another host: a host cannot be set, and a relocation is a vMotion;
- 13 and 16 as a host that is lost: its domains do not show it, so that each is set to be;
- 25, 26 and 33: a domain that is on cannot leave, and views are those of the moment they are made;
- 28 and 29 by itself: going back to a snapshot changes nothing there; the power state is set;
- 30: what is registered is told as created, with VmCreatedEvent;
- 41 with a secondary, of which there is none;
- 42, since a vcsim that was stopped begins anew.
"""

# pyVmomi has types for its members, but none for its constructors.
# mypy: allow-untyped-calls

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pytest

from eventd.connections.connection import Connection
from eventd.connections.credentials import Credentials
from eventd.connections.transport import Transport
from eventd.journal.memory import MemoryJournal
from eventd.model.domain import ConnectionState
from eventd.model.events import DomainEvent, Event, TaskEvent
from eventd.model.picture import PictureChange
from eventd.model.record import EventRecord
from eventd.tracking.tracker import Tracker
from eventd.vi.uri import ConnectionURI
from tests.situations.stage import line

if TYPE_CHECKING:
    from pyVmomi import vim

    from tests.conftest import Connect, StartVcsim
    from tests.peers.operations import Operations
    from tests.peers.vcsim_process import Vcsim

pytestmark = [pytest.mark.vcsim, pytest.mark.pyvmomi]

PATIENCE = 20.0
"""Seconds that a test waits for what takes vcsim a fraction of one."""

SET_BY_RECONFIGURATION = "vm defined updated task user:vcsim"
DOMAIN, BARRIER, END = "vm", "barrier", "end"
"""The names of the domain, and of the other one at first and when all is over."""


class Told:
    """A connection to a vcsim, and what it tells."""

    def __init__(self, host: Vcsim) -> None:
        uri = ConnectionURI.parse(host.connection_uri)
        self._events: list[Event] = []
        self._more = asyncio.Event()
        self._journal = MemoryJournal("test")
        self.connection = Connection(
            "test",
            uri,
            transport=partial(Transport, uri.endpoint, ssl_context=None),
            credentials=lambda: Credentials(host.user, host.password),
            tracker=Tracker("test", source=uri.source, grace=0.5),
            publish=self._publish,
            clock=lambda: datetime.now(UTC),
        )

    def _publish(
        self, events: Sequence[Event], picture: PictureChange | None = None
    ) -> Sequence[EventRecord]:
        self._events += [event for event in events if not isinstance(event, TaskEvent)]
        self._more.set()
        return self._journal.append(events, now=datetime.now(UTC), picture=picture)

    async def until(self, is_enough: Callable[[], bool]) -> None:
        """Wait for events until there are enough of them, but not for ever."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not is_enough():
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            pass  # what is missing shows in the comparison

    def is_connected(self) -> bool:
        """Whether the first picture is there."""
        return any(event.type == ConnectionState.CONNECTED for event in self._events)

    def has_told_of(self, name: str) -> bool:
        """Whether something was told of a domain of this name."""
        events = (event for event in self._events if isinstance(event, DomainEvent))
        return any(event.domain.name == name for event in events)

    def forget(self) -> None:
        """Begin with what comes."""
        self._events.clear()

    @property
    def lines(self) -> list[str]:
        """What was told of the domain, as the worlds of the simulator write it."""
        return [
            line(event)
            for event in self._events
            if isinstance(event, DomainEvent) and event.domain.name not in (BARRIER, END)
        ]

    def situation(self, expected: Sequence[str]) -> list[str]:
        """The same without the reconfigurations that set properties, unless they are expected."""
        if SET_BY_RECONFIGURATION in expected:
            return self.lines
        return [each for each in self.lines if each != SET_BY_RECONFIGURATION]


@asynccontextmanager
async def following(host: Vcsim) -> AsyncIterator[Told]:
    """Follow a vcsim for as long as the block lasts."""
    told = Told(host)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(told.connection.run())
        await told.until(told.is_connected)
        yield told
        running.cancel()


class Player:
    """Lets situations happen to one domain of a vcsim; the names of the methods say which."""

    def __init__(self, operations: Operations, wait_for: Callable[[str], None]) -> None:
        self.operations = operations
        self._wait_for = wait_for
        self.domain, self.other = (domain for _, domain in sorted(operations.domains().items()))
        operations.rename(self.domain, DOMAIN)
        operations.rename(self.other, BARRIER)
        self.home = str(self.host.name)

    @property
    def host(self) -> vim.HostSystem:
        """The host that the domain is on."""
        host = self.operations.read(self.domain, "runtime.host")
        return next(each for each in self.operations.hosts().values() if each == host)

    def set(self, **values: object) -> None:
        """Set properties of the domain."""
        self.operations.set(self.domain, **values)

    def go_off(self, *, clean: bool = True) -> None:
        """The domain is off, and nothing says why."""
        self.set(runtime_powerState="poweredOff", runtime_cleanPowerOff=clean)

    def post(self, kind: str, **members: object) -> None:
        """Post an event about the domain: a class of events, or with dots the id of an EventEx."""
        from pyVmomi import vim

        argument = vim.event.VmEventArgument(vm=self.domain, name=DOMAIN)
        if "." not in kind:
            event = getattr(vim.event, kind)
            self.operations.post(event, vm=argument, template=False, **members)
            return
        self._post_ex(kind, self.domain)

    def post_about_host(self, kind: str) -> None:
        """Post an EventEx about the domain's host."""
        self._post_ex(kind, self.host)

    def _post_ex(self, kind: str, entity: vim.ManagedEntity) -> None:
        from pyVmomi import vim

        # Without an object vcsim fails, and answers nothing from then on.
        self.operations.post(
            vim.event.EventEx,
            eventTypeId=kind,
            message="It was so.",
            objectType=type(entity),
            objectId=self.operations.reference(entity),
        )

    def host_argument(self) -> vim.event.HostEventArgument:
        """The domain's host, as events name it."""
        from pyVmomi import vim

        return vim.event.HostEventArgument(host=self.host, name=self.home)

    def wait_for(self, words: str) -> None:
        """Go on when something was told: what comes and goes at once, nobody can see."""
        self._wait_for(words)

    # -- the situations

    def power_off_and_on(self) -> None:
        self.operations.power_off(self.domain)
        self.operations.power_on(self.domain)

    def drs_powers_on(self) -> None:
        self.operations.power_off(self.domain)
        self.post("DrsVmPoweredOnEvent")
        self.set(runtime_powerState="poweredOn")

    def start_that_had_not_begun_fails(self) -> None:
        from pyVmomi import vmodl

        self.operations.power_off(self.domain)
        self.post("VmFailedToPowerOnEvent", reason=vmodl.MethodFault())

    def is_terminated(self) -> None:
        self.post("com.vmware.vc.vm.VmTerminateEvent")
        self.go_off(clean=False)

    def guest_powers_itself_off(self) -> None:
        self.set(guest_guestState="shuttingDown")
        self.go_off()

    def guest_is_shut_down(self) -> None:
        self.operations.shut_down_guest(self.domain)

    def host_shuts_down(self) -> None:
        from pyVmomi import vim

        self.operations.post(
            vim.event.HostShutdownEvent, host=self.host_argument(), reason="Maintenance"
        )
        self.guest_powers_itself_off()

    def process_dies(self) -> None:
        self.go_off(clean=False)

    def kernel_kills_it(self) -> None:
        self.post("esx.problem.vm.kill.unexpected.vmtrack")
        self.go_off(clean=False)

    def guest_crashes(self) -> None:
        self.post("VmGuestOSCrashedEvent")
        self.set(guest_guestKernelCrashed=True)

    def ha_resets_it(self) -> None:
        self.post("VmDasBeingResetEvent", reason="vmtoolsHeartbeatFailure")
        self.operations.reset(self.domain)

    def host_fails_and_ha_restarts_it(self) -> None:
        self.set(runtime_connectionState="disconnected")
        self.wait_for("control-error")
        self.post_about_host("com.vmware.vc.HA.DasHostFailedEvent")
        self.wait_for("stopped crashed")
        self.post("com.vmware.vc.ha.VmRestartedByHAEvent")
        self.set(runtime_connectionState="connected", runtime_bootTime=datetime.now(UTC))

    def host_fails_and_comes_back(self) -> None:
        self.set(runtime_connectionState="disconnected")
        self.wait_for("control-error")
        self.set(runtime_connectionState="connected")
        self.go_off(clean=False)

    def isolation_powers_it_off(self) -> None:
        self.post("VmPowerOffOnIsolationEvent", isolatedHost=self.host_argument())
        self.go_off()

    def isolation_shuts_it_down(self) -> None:
        self.post(
            "VmShutdownOnIsolationEvent",
            isolatedHost=self.host_argument(),
            shutdownResult="shutdown",
        )
        self.go_off()

    def storage_is_lost(self) -> None:
        self.post("com.vmware.vc.HA.VmcpTerminatingVm")
        self.go_off(clean=False)
        self.wait_for("stopped failed")
        self.post("com.vmware.vc.vcp.VmRestartEvent")
        self.set(runtime_powerState="poweredOn")

    def is_disconnected(self) -> None:
        self.set(runtime_connectionState="disconnected")

    def is_orphaned(self) -> None:
        self.set(runtime_connectionState="orphaned")

    def is_suspended_and_goes_on(self) -> None:
        self.operations.suspend(self.domain)
        self.operations.power_on(self.domain)

    def is_powered_off_while_suspended(self) -> None:
        self.operations.suspend(self.domain)
        self.operations.power_off(self.domain)

    def guest_sleeps(self) -> None:
        self.set(runtime_onlineStandby=True)
        self.wait_for("pm-suspend")
        self.set(runtime_onlineStandby=False)

    def standby_suspends_it(self) -> None:
        self.operations.stand_by_guest(self.domain)

    def is_reset(self) -> None:
        self.operations.reset(self.domain)

    def reboot_powers_it_off(self) -> None:
        self.post("com.vmware.vim.vm.reboot.powerOff")
        self.go_off()

    def moves(self) -> None:
        hosts = self.operations.hosts().values()
        self.operations.relocate(self.domain, next(each for each in hosts if each != self.host))

    def moves_while_off(self) -> None:
        self.operations.power_off(self.domain)
        self.moves()

    def snapshots(self) -> None:
        self.operations.create_snapshot(self.domain, "before")
        self.operations.remove_snapshots(self.domain)

    def goes_back_to_a_snapshot_with_memory(self) -> None:
        self.operations.power_off(self.domain)
        self.post("com.vmware.vc.vm.VmStateRevertedToSnapshot")
        self.set(runtime_powerState="poweredOn")

    def goes_back_to_a_snapshot_without_memory(self) -> None:
        self.post("com.vmware.vc.vm.VmStateRevertedToSnapshot")
        self.set(runtime_powerState="poweredOff")

    def is_created(self) -> None:
        self.operations.create(self.domain, "new")

    def is_cloned(self) -> None:
        self.operations.clone(self.domain, "copy")

    def is_unregistered(self) -> None:
        self.operations.power_off(self.domain)
        self.operations.unregister(self.domain)

    def is_destroyed(self) -> None:
        self.operations.power_off(self.domain)
        self.operations.destroy(self.domain)

    def is_renamed(self) -> None:
        self.operations.rename(self.domain, "new")

    def gets_another_uuid(self) -> None:
        self.operations.power_off(self.domain)
        self.post("VmUuidChangedEvent", oldUuid="", newUuid="")
        self.set(config_uuid="11111111-2222-3333-4444-555555555555")

    def is_annotated(self) -> None:
        from pyVmomi import vim

        self.operations.reconfigure(self.domain, vim.vm.ConfigSpec(annotation="Web server"))

    def becomes_a_template(self) -> None:
        self.operations.power_off(self.domain)
        self.post("com.vmware.vc.vm.VmConvertedToTemplateEvent")
        self.set(config_template=True)

    def has_no_room(self) -> None:
        from pyVmomi import vim

        text = "There is no more space for virtual disk web01.vmdk."
        retry = vim.ElementDescription(key="0", label="Retry", summary="Retry")
        question = vim.vm.QuestionInfo(
            id="31",
            text=text,
            choice=vim.option.ChoiceOption(choiceInfo=[retry], defaultIndex=0),
            message=[vim.vm.Message(id="msg.hbacommon.outofspace", text=text)],
        )
        self.set(runtime_question=question)
        self.wait_for("enospc")
        self.set(runtime_question=None)

    def fault_tolerance_takes_over(self) -> None:
        self.post("VmPrimaryFailoverEvent", reason="connectionLost")
        self.moves()

    def fault_tolerance_ends_it(self) -> None:
        self.post("VmFaultToleranceVmTerminatedEvent", reason="divergence")
        self.go_off(clean=False)

    def gets_another_address(self) -> None:
        self.post(
            "VmMacChangedEvent", adapter="Network adapter 1", oldMac="00:50:56:00:00:01", newMac="x"
        )

    def console_is_opened_and_closed(self) -> None:
        self.post("VmAcquiredTicketEvent", ticketType="webmks")
        self.post("VmRemoteConsoleConnectedEvent")
        self.post("VmRemoteConsoleDisconnectedEvent")

    def memory_page_fails(self) -> None:
        self.post("esx.problem.vm.kill.unexpected.forcefulPageRetire")
        self.go_off(clean=False)


class Situation(NamedTuple):
    """What happens, and what has to be told of it."""

    number: str
    """In the catalogue; a letter tells those of one number apart."""
    play: Callable[[Player], None]
    lines: tuple[str, ...]
    """``HOME`` stands for the host that the domain is on at first, ``AWAY`` for the other one."""


OFF = "vm stopped destroyed task user:vcsim"
GUEST = ("vm shutdown guest guest-state guest", "vm stopped shutdown guest-state guest")
SUSPENDED = ("vm suspended paused task user:vcsim", "vm job-completed suspend task user:vcsim")
BY_ROOT = "event user:root"
MOVE = "task user:vcsim from HOME to AWAY"

SITUATIONS = (
    Situation("1, 4", Player.power_off_and_on, (OFF, "vm started booted task user:vcsim")),
    Situation("2", Player.drs_powers_on, (OFF, "vm started booted event drs")),
    Situation("3", Player.start_that_had_not_begun_fails, (OFF,)),
    Situation("5", Player.is_terminated, (f"vm stopped destroyed {BY_ROOT}",)),
    Situation("6", Player.guest_powers_itself_off, GUEST),
    Situation(
        "7",
        Player.guest_is_shut_down,
        ("vm shutdown guest task user:vcsim", "vm stopped shutdown task user:vcsim"),
    ),
    Situation(
        "8",
        Player.host_shuts_down,
        ("vm shutdown host event host", "vm stopped shutdown event host"),
    ),
    Situation("9a", Player.process_dies, ("vm stopped crashed clean-power-off",)),
    Situation("9b", Player.kernel_kills_it, (f"vm stopped crashed {BY_ROOT}",)),
    Situation("10", Player.guest_crashes, (f"vm crashed panicked {BY_ROOT}",)),
    Situation("11", Player.ha_resets_it, ("vm watchdog reset event ha", "vm reboot event ha")),
    Situation(
        "12",
        Player.host_fails_and_ha_restarts_it,
        (
            "vm control-error state",
            f"vm stopped crashed {BY_ROOT} from HOME",
            "vm started booted event ha",
        ),
    ),
    Situation(
        "13",
        Player.host_fails_and_comes_back,
        ("vm control-error state", "vm stopped crashed clean-power-off"),
    ),
    Situation("14a", Player.isolation_powers_it_off, ("vm stopped destroyed event ha",)),
    Situation(
        "14b",
        Player.isolation_shuts_it_down,
        ("vm shutdown host event ha", "vm stopped shutdown event ha"),
    ),
    Situation(
        "15",
        Player.storage_is_lost,
        ("vm stopped failed event ha", "vm started booted event ha"),
    ),
    Situation("16", Player.is_disconnected, ("vm control-error state",)),
    Situation(
        "17, 18",
        Player.is_suspended_and_goes_on,
        (*SUSPENDED, "vm resumed unpaused task user:vcsim"),
    ),
    Situation("19", Player.is_powered_off_while_suspended, (*SUSPENDED, OFF)),
    Situation(
        "20a",
        Player.guest_sleeps,
        (
            "vm pmsuspended memory state guest",
            "vm pm-suspend state guest",
            "vm started wakeup state",
            "vm pm-wakeup state",
        ),
    ),
    Situation("20b", Player.standby_suspends_it, ("vm suspended paused request user:vcsim",)),
    Situation("21", Player.is_reset, ("vm reboot task user:vcsim",)),
    Situation(
        "22",
        Player.reboot_powers_it_off,
        ("vm shutdown guest event guest", "vm stopped shutdown event guest"),
    ),
    Situation(
        "23",
        Player.moves,
        (
            f"vm stopped migrated {MOVE}",
            f"vm started migrated {MOVE}",
            "vm job-completed relocate task user:vcsim",
        ),
    ),
    Situation(
        "24",
        Player.moves_while_off,
        (OFF, f"vm defined updated {MOVE}", "vm job-completed relocate task user:vcsim"),
    ),
    Situation(
        "27",
        Player.snapshots,
        (
            "vm job-completed snapshot-create task user:vcsim",
            "vm job-completed snapshot-remove task user:vcsim",
        ),
    ),
    Situation(
        "28",
        Player.goes_back_to_a_snapshot_with_memory,
        (OFF, f"vm started from_snapshot {BY_ROOT}"),
    ),
    Situation(
        "29",
        Player.goes_back_to_a_snapshot_without_memory,
        (f"vm stopped from_snapshot {BY_ROOT}", f"vm defined from_snapshot {BY_ROOT}"),
    ),
    Situation("31a", Player.is_created, (f"new defined added {BY_ROOT}",)),
    Situation("31b", Player.is_cloned, (f"copy defined added {BY_ROOT}",)),
    Situation("32a", Player.is_unregistered, (OFF, f"vm undefined removed {BY_ROOT}")),
    Situation("32b", Player.is_destroyed, (OFF, "vm undefined removed task user:vcsim")),
    Situation(
        "34",
        Player.is_renamed,
        ("vm undefined renamed task user:vcsim", "new defined renamed task user:vcsim"),
    ),
    Situation(
        "35",
        Player.gets_another_uuid,
        (OFF, f"vm undefined removed {BY_ROOT}", f"vm defined added {BY_ROOT}"),
    ),
    Situation(
        "36",
        Player.is_annotated,
        (
            "vm defined updated task user:vcsim",
            "vm metadata-change description task user:vcsim",
        ),
    ),
    Situation("37", Player.becomes_a_template, (OFF, f"vm defined updated {BY_ROOT}")),
    Situation("38", Player.is_orphaned, ("vm control-error state",)),
    Situation(
        "39, 40",
        Player.has_no_room,
        (
            "vm question raised state",
            "vm suspended ioerror state",
            "vm io-error pause state",
            "vm io-error-reason enospc state",
            "vm question cleared unknown state",
            "vm resumed unpaused state",
        ),
    ),
    Situation(
        "41a",
        Player.fault_tolerance_takes_over,
        (
            "vm stopped migrated event user:vcsim from HOME to AWAY",
            "vm started migrated event user:vcsim from HOME to AWAY",
            "vm job-completed relocate task user:vcsim",
        ),
    ),
    Situation("41b", Player.fault_tolerance_ends_it, (f"vm stopped failed {BY_ROOT}",)),
    Situation("nic-mac-change", Player.gets_another_address, (f"vm nic-mac-change {BY_ROOT}",)),
    Situation(
        "graphics",
        Player.console_is_opened_and_closed,
        (
            f"vm graphics initialize {BY_ROOT}",
            f"vm graphics connect {BY_ROOT}",
            f"vm graphics disconnect {BY_ROOT}",
        ),
    ),
    Situation(
        "memory-failure",
        Player.memory_page_fails,
        (f"vm memory-failure fatal {BY_ROOT}", f"vm stopped crashed {BY_ROOT}"),
    ),
)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.number)
async def test_situation_of_vcsim_is_told_as_on_the_simulator(
    situation: Situation, vcsim: StartVcsim, connect: Connect, operations: type[Operations]
) -> None:
    """Types, details, causes, who did it and where, in order."""
    host = vcsim("vpx", domains=2, hosts=2)
    client = operations(connect(host.host, host.port, host.user, host.password))
    async with following(host) as told:
        loop = asyncio.get_running_loop()

        def wait_for(words: str) -> None:
            waiting = told.until(lambda: any(words in each for each in told.lines))
            asyncio.run_coroutine_threadsafe(waiting, loop).result()

        player = await asyncio.to_thread(Player, client, wait_for)
        await told.until(lambda: told.has_told_of(DOMAIN) and told.has_told_of(BARRIER))
        told.forget()
        expected = [situated(each, player) for each in situation.lines]

        await asyncio.to_thread(situation.play, player)
        await told.until(lambda: len(told.situation(expected)) >= len(expected))
        await asyncio.to_thread(player.operations.rename, player.other, END)
        await told.until(lambda: told.has_told_of(END))

    assert told.situation(expected) == expected


def situated(text: str, player: Player) -> str:
    """Return a line with the names of the hosts."""
    away = next(name for name in player.operations.hosts() if name != player.home)
    return text.replace("HOME", player.home).replace("AWAY", away)
