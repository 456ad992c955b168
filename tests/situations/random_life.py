"""Random operations on the domains of a simulated host, of every kind that is possible there.

What is possible is what people, guests and hosts can do in the present state. A domain that waits
for an answer only gets one, and one whose host is lost only what vSphere HA does for it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from eventd.simulator import Question, World
from eventd.simulator.world.values import DataObject
from tests.situations.stage import BARRIER

__all__ = ["OPERATIONS", "RandomLife"]

_SECONDARY = "(secondary)"
_CDROM = 3000
_REMOVABLE = range(2000, 6000)
"""Keys of disks, network cards and the like; those of controllers are less."""


class RandomLife:
    """Lets random things happen to the domains of a world, the same ones for the same seed."""

    def __init__(self, world: World, *, seed: int, without: Collection[str] = ()) -> None:
        """Let happen what is possible, but for the operations ``without``."""
        self._drawn = [operation for operation in _DRAWN if operation not in without]
        self.world = world
        self.random = random.Random(seed)
        self.is_vcenter = world.product == "vpx"
        self._numbers = count(1)
        self._usual = len(self.domains())

    def happen(self, now: datetime) -> str:
        """Let one thing happen; return what it was."""
        operation, arguments = next(self._possibilities())
        getattr(self.world, operation)(**arguments, now=now)
        words = (f"{argument}={value!r}" for argument, value in arguments.items())
        return " ".join([operation, *words])

    def _possibilities(self) -> Iterator[tuple[str, Arguments]]:
        while True:
            operation = self.random.choice(self._drawn)
            domains = self.domains()
            for name in self.random.sample(domains, len(domains)):
                if (arguments := _POSSIBLE[operation](self, name)) is not None:
                    yield operation, arguments

    # -- what there is

    def domains(self) -> list[str]:
        """The names of the domains to which something can happen."""
        names = self.world.domains.names
        return [name for name in names if BARRIER not in name and _SECONDARY not in name]

    def has(self, name: str, path: str, *values: object) -> bool:
        """Whether a property of a domain has one of these values."""
        return self.world.read(name, path) in values

    def is_free(self, name: str) -> bool:
        """Whether nothing keeps anybody from working with a domain."""
        return (
            self.has(name, "runtime.connectionState", "connected")
            and self.has(name, "runtime.question", None)
            and not self.is_protected(name)
        )

    def is_protected(self, name: str) -> bool:
        """Whether a domain runs under fault tolerance."""
        is_on = self.has(name, "runtime.powerState", "poweredOn")
        return is_on and self.has(name, "config.ftInfo.role", 1)

    def is_dead(self, name: str) -> bool:
        """Whether a domain died with its host, which has not come back."""
        return self.has(name, "runtime.vmFailoverInProgress", True)

    def host_of(self, name: str) -> str:
        """The name of the host that a domain is on."""
        reference = self.world.read(name, "runtime.host")
        return next(host for host in self.world.host_names if self.world.host(host) == reference)

    def hosts(self, *states: str) -> list[str]:
        """The names of the hosts in one of these states of connection."""
        read = self.world.objects.read
        names = self.world.host_names
        return [
            name
            for name in names
            if read(self.world.host(name), "runtime.connectionState") in states
        ]

    def domains_on(self, host: str) -> list[str]:
        """The names of the domains on a host."""
        return [name for name in self.domains() if self.host_of(name) == host]

    def new_name(self) -> str:
        """A name that no domain has had."""
        return f"domain-{next(self._numbers)}"

    def uuid(self) -> str:
        """A UUID that no domain has had."""
        return str(UUID(int=self.random.getrandbits(128)))

    @property
    def has_room(self) -> bool:
        """Whether more domains may come."""
        return len(self.domains()) < self._usual * 1.1

    @property
    def can_spare_one(self) -> bool:
        """Whether a domain may go."""
        return len(self.domains()) > self._usual * 0.9


Arguments = Mapping[str, Any]
"""What an operation of the world is called with, but for the time."""

Possible = Callable[[RandomLife, str], Arguments | None]
"""Gives the arguments with which something can happen to a domain now; None if it cannot."""

Condition = Callable[[RandomLife, str], bool]
Choice = Callable[[RandomLife, str], Any]
"""Chooses an argument of what happens to a domain; None where there is nothing to choose."""


# -- conditions


def when(path: str, *values: object) -> Condition:
    return lambda life, name: life.has(name, path, *values)


def unless(path: str, *values: object) -> Condition:
    return lambda life, name: not life.has(name, path, *values)


def on_vcenter(life: RandomLife, _: str) -> bool:
    return life.is_vcenter


def has_room(life: RandomLife, _: str) -> bool:
    return life.has_room


def can_spare_one(life: RandomLife, _: str) -> bool:
    return life.can_spare_one


def is_host_quiet(life: RandomLife, name: str) -> bool:
    """Whether its host can be cut off: another one stays, and nothing waits for an answer."""
    here = life.host_of(name)
    connected = life.hosts("connected")
    return (
        len(connected) > 2
        and here in connected
        and all(life.is_free(each) for each in life.domains_on(here))
    )


def rarely(life: RandomLife, _: str) -> bool:
    return life.random.random() < 0.1


# -- choices


def one_of(*values: object) -> Choice:
    return lambda life, _: life.random.choice(values)


def user(life: RandomLife, _: str) -> str:
    return life.random.choice(["root", "VSPHERE.LOCAL\\ops", "EXAMPLE\\müller"])


def new_name(life: RandomLife, _: str) -> str:
    return life.new_name()


def uuid(life: RandomLife, _: str) -> str:
    return life.uuid()


def number(life: RandomLife, _: str) -> int:
    return life.random.randint(2, 30)


def starter(life: RandomLife, _: str) -> str:
    kinds = ["user", "schedule", "alarm", "system", "host"]
    return life.random.choice(kinds + ["drs"] * life.is_vcenter)


def other_host(life: RandomLife, name: str) -> str | None:
    others = [host for host in life.hosts("connected") if host != life.host_of(name)]
    return life.random.choice(others) if others else None


def host(life: RandomLife, name: str) -> str:
    return life.host_of(name)


def snapshot(life: RandomLife, name: str) -> str | None:
    names = list(_snapshots(life.world.read(name, "snapshot.rootSnapshotList")))
    return life.random.choice(names) if names else None


def _snapshots(level: object) -> Iterator[str]:
    for node in level if isinstance(level, tuple) else ():
        assert isinstance(node, DataObject)
        yield str(node.members["name"])
        yield from _snapshots(node.members["childSnapshotList"])


def device(life: RandomLife, name: str) -> int | None:
    keys = [key for key in _devices(life, name) if key in _REMOVABLE and key != _CDROM]
    return life.random.choice(keys) if keys else None


def _devices(life: RandomLife, name: str) -> list[int]:
    held = life.world.read(name, "config.hardware.device")
    assert isinstance(held, tuple)
    return [each.members["key"] for each in held if isinstance(each, DataObject)]  # type: ignore[misc]


# -- possibilities


def some(*conditions: Condition, **choices: Choice) -> Possible:
    """Something that happens to a domain that is not a template."""
    return _something("name", unless("config.template", True), *conditions, **choices)


def on(*conditions: Condition, **choices: Choice) -> Possible:
    """Something that happens to a running domain."""
    return some(when("runtime.powerState", "poweredOn"), *conditions, **choices)


def off(*conditions: Condition, **choices: Choice) -> Possible:
    """Something that happens to a domain that is off."""
    return some(when("runtime.powerState", "poweredOff"), *conditions, **choices)


def inactive(*conditions: Condition, **choices: Choice) -> Possible:
    """Something that happens to a domain that is off or suspended."""
    return some(when("runtime.powerState", "poweredOff", "suspended"), *conditions, **choices)


def template(argument: str, *conditions: Condition, **choices: Choice) -> Possible:
    """Something that happens to a template."""
    return _something(argument, when("config.template", True), *conditions, **choices)


def _something(argument: str, *conditions: Condition, **choices: Choice) -> Possible:
    def possible(life: RandomLife, name: str) -> Arguments | None:
        if not life.is_free(name) or not all(condition(life, name) for condition in conditions):
            return None
        return _arguments({argument: name}, choices, life, name)

    return possible


def new(*conditions: Condition, **choices: Choice) -> Possible:
    """A domain that comes."""

    def possible(life: RandomLife, name: str) -> Arguments | None:
        if not life.has_room or not all(condition(life, name) for condition in conditions):
            return None
        return _arguments({"name": life.new_name()}, choices, life, name)

    return possible


def _arguments(
    fixed: dict[str, object], choices: Mapping[str, Choice], life: RandomLife, name: str
) -> Arguments | None:
    chosen = {argument: choice(life, name) for argument, choice in choices.items()}
    return None if None in chosen.values() else {**fixed, **chosen}


def reconfiguration(life: RandomLife, name: str) -> Arguments | None:
    if not life.is_free(name):
        return None
    removable = device(life, name)
    edits: dict[str, object] = {
        "new_name": life.new_name(),
        "annotation": f"Note {life.random.randrange(1000)}",
        "cpu_shares": life.random.randrange(100, 10_000),
        "add": [life.random.choice(["VirtualDisk", "VirtualVmxnet3", "VirtualUSB"])],
        "remove": [] if removable is None else [removable],
        "cdrom_connected": life.random.random() < 0.5,
    }
    chosen = life.random.sample(list(edits), life.random.randint(0, 3))
    return {"name": name, "user": user(life, name), **{each: edits[each] for each in chosen}}


def answer(life: RandomLife, name: str) -> Arguments | None:
    question = life.world.read(name, "runtime.question")
    if not isinstance(question, DataObject):
        return None
    return {"name": name, "question_id": question.members["id"], "key": "0"}


def lost_host(*states: str, is_dead: bool) -> Possible:
    """Something that happens to a host that is out of sight."""

    def possible(life: RandomLife, _: str) -> Arguments | None:
        hosts = [
            host
            for host in life.hosts(*states)
            if any(map(life.is_dead, life.domains_on(host))) is is_dead
        ]
        return {"name": life.random.choice(hosts)} if hosts else None

    return possible


def restart(life: RandomLife, name: str) -> Arguments | None:
    if not life.is_dead(name):
        return None
    event = life.random.choice(["ha", "old", "none"])
    return {"name": name, "host": other_host(life, name), "event": event}


def with_lost_files(life: RandomLife, name: str) -> Arguments | None:
    states = ("inaccessible", "invalid", "orphaned")
    return {"name": name} if life.has(name, "runtime.connectionState", *states) else None


def protected(life: RandomLife, name: str) -> Arguments | None:
    is_whole = len(life.hosts("connected")) == len(life.world.host_names)
    return {"name": name} if is_whole and life.is_protected(name) else None


_ASLEEP = when("runtime.onlineStandby", True)
_AWAKE = unless("runtime.onlineStandby", True)
_CRASHED = when("guest.guestKernelCrashed", True)
_SANE = unless("guest.guestKernelCrashed", True)
_TOOLS = when("guest.toolsRunningStatus", "guestToolsRunning")
_NO_TOOLS = unless("guest.toolsRunningStatus", "guestToolsRunning")
_WITH_CONSOLE = unless("runtime.numMksConnections", 0, None)
_BOOL = one_of(True, False)

_POSSIBLE: dict[str, Possible] = {
    # users and others, by tasks
    "power_on": inactive(user=user, initiator=starter),
    "fail_power_on": off(user=user),
    "refuse_power_on": off(user=user),
    "power_off": some(when("runtime.powerState", "poweredOn", "suspended"), user=user),
    "terminate": on(user=user),
    "suspend": on(_SANE, user=user),
    "reset": on(user=user),
    # guests
    "shutdown_guest": on(_TOOLS, _SANE, user=user),
    "reboot_guest": on(_TOOLS, _SANE, user=user),
    "standby_guest": on(_TOOLS, _SANE, _AWAKE, user=user, online=_BOOL),
    "guest_powers_off": on(),
    "guest_reboots": on(),
    "guest_reboot_powers_off": on(),
    "guest_falls_asleep": on(_AWAKE),
    "guest_wakes_up": on(_ASLEEP),
    "guest_crashes": on(_SANE),
    "start_tools": on(_NO_TOOLS),
    "stop_tools": on(_TOOLS),
    "crash": on(message=one_of("", "The process has failed.")),
    "kill": on(why=one_of("fault.failure", "forcefulPageRetire", "noSwapResponse", "vmtrack")),
    # places
    "migrate": some(host=other_host, user=user, initiator=one_of("user", "drs")),
    "fail_migration": some(host=other_host, user=user),
    "relocate": some(user=user, datastore=one_of("datastore1", "datastore2", "datastore3")),
    "emigrate": on(can_spare_one),
    "immigrate": new(uuid=uuid, instance_uuid=uuid),
    # the inventory
    "create": new(user=user),
    "register": new(user=user),
    "discover": new(on_vcenter, powered_on=_BOOL),
    "clone": some(has_room, new_name=new_name, user=user),
    "deploy": template("template", has_room, new_name=new_name, user=user),
    "instant_clone": on(on_vcenter, has_room, new_name=new_name, user=user),
    "unregister": inactive(can_spare_one, user=user),
    "destroy": inactive(can_spare_one, user=user),
    "vanish": some(can_spare_one),
    "hide": some(can_spare_one),
    # the configuration
    "rename": some(new_name=new_name, user=user),
    "auto_rename": some(new_name=new_name),
    "change_uuid": off(uuid=uuid),
    "change_mac": some(mac=one_of("00:50:56:00:00:02", "00:50:56:00:00:03")),
    "reconfigure": reconfiguration,
    "fail_device_removal": some(key=device, announced=_BOOL, user=user),
    "mark_as_template": off(rarely, user=user),
    "mark_as_domain": template("name", user=user),
    # snapshots and consoles
    "create_snapshot": some(snapshot=new_name, memory=_BOOL, user=user),
    "remove_snapshot": some(snapshot=snapshot, user=user),
    "revert": some(snapshot=snapshot, user=user),
    "acquire_ticket": on(ticket=one_of("mks", "webmks"), user=user),
    "connect_console": on(user=user),
    "disconnect_console": on(_WITH_CONSOLE, user=user),
    # questions
    "ask": on(question=one_of(Question())),
    "run_out_of_space": on(),
    "script_question": some(),
    "answer": answer,
    # hosts
    "lose_host": some(on_vcenter, rarely, is_host_quiet, name=host),
    "disconnect_host": some(on_vcenter, rarely, is_host_quiet, name=host),
    "find_host_again": lost_host("notResponding", "disconnected", is_dead=False),
    "fail_host": some(on_vcenter, rarely, is_host_quiet, name=host),
    "declare_host_failed": lost_host("notResponding", is_dead=True),
    "restart_by_ha": restart,
    "return_host": lost_host("notResponding", is_dead=True),
    "isolate": on(
        on_vcenter,
        response=one_of("powerOff", "shutdown"),
        result=one_of("shutdown", "poweredOff"),
    ),
    "terminate_by_vmcp": on(on_vcenter),
    "reset_by_ha": on(on_vcenter, screenshot=_BOOL),
    "fail_reset_by_ha": on(on_vcenter),
    "shut_down_host": some(
        rarely, is_host_quiet, name=host, action=one_of("guestShutdown", "powerOff")
    ),
    "lose_files": some(trouble=one_of("inaccessible", "invalid", "orphaned")),
    "find_files": with_lost_files,
    "add_secondary": on(on_vcenter, rarely, host=other_host),
    "fail_over": protected,
    "terminate_fault_tolerant": protected,
}

OPERATIONS = frozenset(_POSSIBLE)
"""All that can happen."""

# So often that about half of the domains are on.
_DRAWN = [*_POSSIBLE, *["power_on"] * 12, *["answer"] * 4, *["find_files"] * 2]
