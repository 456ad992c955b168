"""Guests: what their systems are asked for and do, and how they and their processes die.

There is no task for any of this. A request is one event, what comes of it another.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from eventd.simulator.world.domains import TOOLS_RUNNING, TOOLS_STOPPED
from eventd.simulator.world.faults import InvalidState, NotSupported
from eventd.simulator.world.happenings import By
from eventd.simulator.world.stage import Named, Reference, Stage

__all__ = ["Guests", "Kill"]

Kill = Literal[
    "fault.failure", "forcefulPageRetire", "noSwapResponse", "vmtrack", "vmx.fault.failure"
]
"""Why a host's kernel kills a domain: the ends of ``esx.problem.vm.kill.unexpected.…``."""

_GUEST = By("guest")

_ONLINE_STANDBY = "5.1"
_GUEST_CRASH = "6.0"
_REBOOT_TO_POWER_OFF = "8.0"

_REBOOT_POWER_OFF = "com.vmware.vim.vm.reboot.powerOff"


class Guests(Stage):
    """What guests do, by themselves or because somebody asks them to."""

    def _require_version(self, since: str) -> None:
        """Refuse what a host of this API version could not show."""
        if not self.schema.has(since):
            raise NotSupported

    # -- requests

    def shutdown_guest(
        self, name: Named, *, user: str = "root", as_task: bool = False, now: datetime
    ) -> None:
        """Ask the guest to shut down; that happens later.

        The VI API has no task for it, but govmomi's simulator does it ``as_task``.
        """
        domain = self._at(name, now)
        self._require_tools(domain, requested="poweredOff")
        by = By("user", user)
        if as_task:
            self._start(
                "ShutdownGuest",
                "VirtualMachine.shutdownGuest",
                domain,
                by=by,
                end=lambda _, at: self._guest_stops(domain, at, "task", by, interrupts=False),
            )
            return
        self.objects.assign(domain, "guest.guestState", "shuttingDown")
        self._post("VmGuestShutdownEvent", self.now, domain, by=by)
        self._in_this_run(domain, lambda at: self._guest_stops(domain, at, "request", by))

    def reboot_guest(self, name: Named, *, user: str = "root", now: datetime) -> None:
        """Ask the guest to reboot; the power state stays on."""
        domain = self._at(name, now)
        self._require_tools(domain, requested="poweredOn")
        by = By("user", user)
        self._post("VmGuestRebootEvent", self.now, domain, by=by)
        self._guest_reboots(domain, "request", by)

    def standby_guest(
        self, name: Named, *, user: str = "root", online: bool = False, now: datetime
    ) -> None:
        """Ask the guest to sleep: it is suspended to disk, or stays on and sleeps."""
        domain = self._at(name, now)
        self._require_tools(domain, requested="suspended")
        if online:
            self._require_version(_ONLINE_STANDBY)
        by = By("user", user)
        self._post("VmGuestStandbyEvent", self.now, domain, by=by)

        def sleep(at: datetime) -> None:
            if online:
                self._fall_asleep(domain, "request", by)
            else:
                self._interrupt_tasks(domain, at)
                self.domains.set_suspended(domain, at)
                self._post("VmSuspendedEvent", at, domain)
                self._tell(domain, "suspended paused", "request", by)

        self._in_this_run(domain, sleep)

    # -- of their own accord

    def guest_powers_off(self, name: Named, *, now: datetime) -> None:
        """The guest stops of its own accord: an orderly stop without a task."""
        domain = self._at(name, now)
        self._require(domain, "poweredOn", requested="poweredOff", idle=False)
        self._guest_stops(domain, self.now, "event", _GUEST)

    def _guest_stops(
        self, domain: Reference, at: datetime, cause: str, by: By, *, interrupts: bool = True
    ) -> None:
        crashed = self.objects.read(domain, "guest.guestKernelCrashed") is True
        if interrupts:
            self._interrupt_tasks(domain, at)
        self.domains.set_powered_off(domain, at)
        self._post("VmPoweredOffEvent", at, domain)
        if crashed:
            self._tell(domain, "stopped crashed", "guest-state")
        else:
            self._tell(domain, "shutdown guest", cause, by)
            self._tell(domain, "stopped shutdown", cause, by)

    def guest_reboots(self, name: Named, *, now: datetime) -> None:
        """The guest reboots of its own accord: its tools go and come back."""
        domain = self._at(name, now)
        self._require(domain, "poweredOn", requested="poweredOn", idle=False)
        if self.objects.read(domain, "guest.guestState") == "resetting":
            raise InvalidState("The guest is already rebooting.")
        self._guest_reboots(domain, "guest-state", _GUEST)

    def _guest_reboots(self, domain: Reference, cause: str, by: By) -> None:
        self._tell_of_waking(domain)
        self.domains.set_resetting(domain)
        self._tell(domain, "reboot", cause, by)
        self._tell_agent(domain, "disconnected")

        def come_up(_: datetime) -> None:
            self.domains.set_guest_running(domain)
            self._tell_agent(domain, "connected")

        self._in_this_run(domain, come_up)

    def guest_reboot_powers_off(self, name: Named, *, now: datetime) -> None:
        """The guest reboots, and its configuration turns that into a power off (since 8.0)."""
        domain = self._at(name, now)
        self._require_version(_REBOOT_TO_POWER_OFF)
        self._require(domain, "poweredOn", requested="poweredOff", idle=False)
        self._stop(domain, self.now)
        self._post(_REBOOT_POWER_OFF, self.now, domain)
        self._post("VmPoweredOffEvent", self.now, domain)
        self._tell(domain, "shutdown guest", "event", _GUEST)
        self._tell(domain, "stopped shutdown", "event", _GUEST)

    def guest_falls_asleep(self, name: Named, *, now: datetime) -> None:
        """The guest goes to sleep of its own accord, and stays on (told since 5.1)."""
        domain = self._at(name, now)
        self._require(domain, "poweredOn", requested="poweredOn", idle=False)
        self._require_version(_ONLINE_STANDBY)
        self._fall_asleep(domain, "state", _GUEST)

    def _fall_asleep(self, domain: Reference, cause: str, by: By) -> None:
        if self.objects.read(domain, "runtime.onlineStandby") is True:
            return
        self.objects.assign(domain, "runtime.onlineStandby", value=True)
        self._tell(domain, "pmsuspended memory", cause, by)
        self._tell(domain, "pm-suspend", cause, by)

    def guest_wakes_up(self, name: Named, *, now: datetime) -> None:
        """The guest that sleeps goes on."""
        domain = self._at(name, now)
        self._require(domain, "poweredOn", requested="poweredOn", idle=False)
        if self.objects.read(domain, "runtime.onlineStandby") is not True:
            raise InvalidState("The guest does not sleep.")
        self.objects.assign(domain, "runtime.onlineStandby", value=False)
        self._tell(domain, "started wakeup", "state")
        self._tell(domain, "pm-wakeup", "state")

    def start_tools(self, name: Named, *, now: datetime) -> None:
        """The guest's tools start to run."""
        domain = self._at(name, now)
        self.objects.update(domain, TOOLS_RUNNING)
        self._tell_agent(domain, "connected")

    def stop_tools(self, name: Named, *, now: datetime) -> None:
        """The guest's tools run no longer."""
        domain = self._at(name, now)
        self.objects.update(domain, TOOLS_STOPPED)
        self._tell_agent(domain, "disconnected")

    # -- death

    def guest_crashes(self, name: Named, *, now: datetime) -> None:
        """The guest's kernel panics; the domain stays on (told since 6.0)."""
        domain = self._at(name, now)
        self._require(domain, "poweredOn", requested="poweredOn", idle=False)
        if self.objects.read(domain, "guest.guestKernelCrashed") is True:
            raise InvalidState("The guest has already crashed.")
        self._require_version(_GUEST_CRASH)
        self.objects.assign(domain, "guest.guestKernelCrashed", value=True)
        self._post("VmGuestOSCrashedEvent", self.now, domain)
        self._tell(domain, "crashed panicked", "event")

    def crash(self, name: Named, *, message: str = "", now: datetime) -> None:
        """The domain's process dies, perhaps with a message: no task, and no orderly stop."""
        domain = self._at(name, now)
        self._require(domain, "poweredOn", requested="poweredOff", idle=False)
        if message:
            self._post(
                "VmMessageErrorEvent",
                self.now,
                domain,
                message=message,
                members={"message": message},
            )
        self._die(domain)
        self._tell(domain, "stopped crashed", "clean-power-off")

    def kill(self, name: Named, *, why: Kill = "vmtrack", now: datetime) -> None:
        """The host's kernel kills the domain's process."""
        domain = self._at(name, now)
        self._require(domain, "poweredOn", requested="poweredOff", idle=False)
        self._post(f"esx.problem.vm.kill.unexpected.{why}", self.now, domain)
        self._die(domain)
        if why == "forcefulPageRetire":
            self._tell(domain, "memory-failure fatal", "event")
        self._tell(domain, "stopped crashed", "event")

    def _die(self, domain: Reference) -> None:
        self._stop(domain, self.now, clean=False)
        self._post("VmPoweredOffEvent", self.now, domain)
