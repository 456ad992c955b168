"""Hosts that fail or stop, and what vSphere HA and fault tolerance do about their domains."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

from eventd.simulator.world.faults import InvalidArgument, InvalidState
from eventd.simulator.world.happenings import By
from eventd.simulator.world.stage import Named, Reference, Stage
from eventd.simulator.world.tasks import Task
from eventd.simulator.world.values import Value

__all__ = ["Availability"]

_HA = By("ha")
_HOST = By("host")

_HOST_FAILED = "com.vmware.vc.HA.DasHostFailedEvent"
_TERMINATING = "com.vmware.vc.HA.VmcpTerminatingVm"
_STORAGE_FAILURES = {
    "ha": "com.vmware.vc.HA.VmcpStorageFailureDetectedForVm",
    "vcp": "com.vmware.vc.vcp.VmDatastoreFailedEvent",
}
_RESTARTS = {
    "ha": "com.vmware.vc.ha.VmRestartedByHAEvent",
    "vmcp": "com.vmware.vc.vcp.VmRestartEvent",
    "old": "VmRestartedOnAlternateHostEvent",
}

Response = Literal["powerOff", "shutdown"]
FailureEvent = Literal["ha", "old"]
StorageEvent = Literal["ha", "vcp"]
RestartEvent = Literal["ha", "vmcp", "old", "none"]
Trouble = Literal["inaccessible", "invalid", "orphaned"]
_TROUBLES = get_args(Trouble)


class Availability(Stage):
    """What befalls hosts, and their domains with them."""

    # -- the connection to a host

    def lose_host(self, name: Named, *, now: datetime) -> None:
        """The vCenter loses the connection to a host; its domains' states are those of before."""
        self.advance(now)
        self._lose(self.host(name), "notResponding", "HostConnectionLostEvent")

    def disconnect_host(self, name: Named, *, user: str = "root", now: datetime) -> None:
        """Somebody disconnects a host from the vCenter; its domains run on."""
        self.advance(now)
        self._lose(self.host(name), "disconnected", "HostDisconnectedEvent", user)

    def _lose(self, host: Reference, state: str, kind: str, user: str = "") -> None:
        self.objects.assign(host, "runtime.connectionState", state)
        self.events.post(kind, now=self.now, user=user, host=host)
        for domain in self._domains_on(host):
            self._disconnect(domain, "disconnected")
            self._post("VmDisconnectedEvent", self.now, domain)

    def find_host_again(self, name: Named, *, now: datetime) -> None:
        """The vCenter is connected to a host again, on which everything has gone on."""
        self.advance(now)
        host = self._lost_host(name)
        self.objects.assign(host, "runtime.connectionState", "connected")
        self.events.post("HostConnectedEvent", now=self.now, host=host)
        for domain in self._domains_on(host):
            self._connect(domain)

    def _lost_host(self, name: Named) -> Reference:
        host = self.host(name)
        if self.objects.read(host, "runtime.connectionState") == "connected":
            raise InvalidState(f"{self._name(host)} is connected.")
        return host

    def _connect(self, domain: Reference) -> None:
        self.objects.update(
            domain, {"runtime.connectionState": "connected", "runtime.vmFailoverInProgress": False}
        )
        self._post("VmConnectedEvent", self.now, domain)

    # -- the failure of a host

    def fail_host(self, name: Named, *, now: datetime) -> None:
        """A host dies, and its domains with it; so far its vCenter has only lost it."""
        self.lose_host(name, now=now)
        for domain in self._domains_on(self.host(name)):
            if self._is_on(domain):
                self._dead.add(domain)
                self.objects.assign(domain, "runtime.vmFailoverInProgress", value=True)

    def declare_host_failed(
        self, name: Named, *, event: FailureEvent = "ha", now: datetime
    ) -> None:
        """HA has made sure that a host is dead, and says so.

        With the event of today (``ha``), or that of before 5.0 (``old``).
        """
        self.advance(now)
        host = self._lost_host(name)
        if event == "old":
            failed = {"failedHost": self.events.argument("Host", host)}
            self.events.post("DasHostFailedEvent", now=self.now, members=failed)
        else:
            self._post_failure(host)
        for domain in self._domains_on(host):
            if domain in self._dead:
                self._tell_of_death(domain, "event")

    def _post_failure(self, host: Reference) -> None:
        message = f"vSphere HA detected a host failure of {self._name(host)}."
        members: dict[str, Value] = {
            "eventTypeId": _HOST_FAILED,
            "severity": "error",
            "message": message,
            "objectId": host.value,
            "objectType": host.type,
            "objectName": self._name(host),
        }
        self.events.post("EventEx", now=self.now, host=host, message=message, members=members)

    def return_host(self, name: Named, *, now: datetime) -> None:
        """A host that failed is back; the domains that it still has are off."""
        self.advance(now)
        host = self._lost_host(name)
        for domain in self._domains_on(host):
            if domain in self._dead:
                self.domains.set_powered_off(domain, self.now, clean=False)
        self.find_host_again(host, now=now)
        for domain in self._domains_on(host):
            if domain in self._dead:
                self._dead.discard(domain)
                if domain not in self._declared:
                    self._tell(domain, "stopped crashed", "clean-power-off")
            self._declared.discard(domain)

    def restart_by_ha(
        self, name: Named, host: Named, *, event: RestartEvent = "ha", now: datetime
    ) -> None:
        """HA starts a domain that died or is off, on another host or the same.

        With the event of today (``ha``), that of a lost datastore (``vmcp``), that of before 5.0
        (``old``), or with none, so that only the new boot time tells.
        """
        domain = self._at(name, now)
        source, destination = self._host_of(domain), self.host(host)
        cause = "boot-time" if event == "none" else "event"
        if domain in self._dead:
            self._tell_of_death(domain, cause)
            self._dead.discard(domain)
        else:
            self._require(domain, "poweredOff", requested="poweredOn")
        self._declared.discard(domain)
        if destination != source:
            self.domains.set_host(domain, destination, self.now)
        self.domains.set_booted(domain, self.now)
        self._connect(domain)
        if event != "none":
            argument: dict[str, Value] = {"sourceHost": self.events.argument("Host", source)}
            members = argument if event == "old" else {}
            self._post(_RESTARTS[event], self.now, domain, members=members)
        self._tell(domain, "started booted", cause, _HA, source=source, destination=destination)
        self._tell_agent(domain, "connected")

    def _tell_of_death(self, domain: Reference, cause: str) -> None:
        if domain not in self._declared:
            self._declared.add(domain)
            self._tell(domain, "stopped crashed", cause, source=self._host_of(domain))

    # -- what HA does to domains whose host or datastore is cut off

    def isolate(
        self,
        name: Named,
        *,
        response: Response = "powerOff",
        result: Literal["shutdown", "poweredOff"] = "shutdown",
        now: datetime,
    ) -> None:
        """The host of a domain is isolated, and HA stops the domain there.

        A shutdown that takes too long ends with the ``result`` that the domain is powered off.
        """
        domain = self._at(name, now)
        self._require(domain, "poweredOn", requested="poweredOff", idle=False)
        members: dict[str, Value] = {
            "isolatedHost": self.events.argument("Host", self._host_of(domain))
        }
        self._stop(domain, self.now)
        if response == "powerOff":
            self._post("VmPowerOffOnIsolationEvent", self.now, domain, members=members)
        else:
            members["shutdownResult"] = result
            self._post("VmShutdownOnIsolationEvent", self.now, domain, members=members)
        if response == "shutdown" and result == "shutdown":
            self._tell(domain, "shutdown host", "event", _HA)
            self._tell(domain, "stopped shutdown", "event", _HA)
        else:
            self._tell(domain, "stopped destroyed", "event", _HA)

    def fail_storage(self, name: Named, *, event: StorageEvent = "ha", now: datetime) -> None:
        """A datastore of a domain fails, and HA notices it; the domain goes on so far."""
        domain = self._at(name, now)
        self._require(domain, "poweredOn", requested="poweredOn", idle=False)
        self._post(_STORAGE_FAILURES[event], self.now, domain)
        for words in ("io-error report", "io-error-reason"):
            self._tell(domain, words, "event")

    def terminate_by_vmcp(self, name: Named, *, now: datetime) -> None:
        """A domain's datastore is lost, and HA terminates it to start it elsewhere."""
        domain = self._at(name, now)
        self._require(domain, "poweredOn", requested="poweredOff", idle=False)
        self._post(_TERMINATING, self.now, domain)
        self._stop(domain, self.now, clean=False)
        self._post("VmPoweredOffEvent", self.now, domain)
        self._tell(domain, "stopped failed", "event", _HA)

    def reset_by_ha(self, name: Named, *, screenshot: bool = False, now: datetime) -> None:
        """HA resets a domain whose guest gives no sign of life; the power state stays on."""
        domain = self._at(name, now)
        self._require(domain, "poweredOn", requested="poweredOn")
        kind, members = "VmDasBeingResetEvent", dict[str, Value](reason="vmtoolsHeartbeatFailure")
        if screenshot:
            kind = "VmDasBeingResetWithScreenshotEvent"
            members["screenshotFilePath"] = "[datastore1] screenshot.png"
        self._post(kind, self.now, domain, members=members)
        self._tell_of_waking(domain)
        self._tell(domain, "watchdog reset", "event", _HA)
        self.domains.set_resetting(domain)
        self._post("VmResettingEvent", self.now, domain)
        self._tell(domain, "reboot", "event", _HA)
        self._tell_agent(domain, "disconnected")

        def come_up(at: datetime) -> None:
            self.domains.set_guest_running(domain)
            self._post("VmPoweredOnEvent", at, domain)
            self._tell_agent(domain, "connected")

        self._in_this_run(domain, come_up)

    def fail_reset_by_ha(self, name: Named, *, now: datetime) -> None:
        """HA cannot reset a domain whose guest gives no sign of life."""
        domain = self._at(name, now)
        self._post("VmDasResetFailedEvent", self.now, domain)
        self._tell(domain, "watchdog none", "event", _HA)

    # -- the orderly stop of a host

    def shut_down_host(
        self,
        name: Named,
        *,
        action: Literal["guestShutdown", "powerOff"] = "guestShutdown",
        tasks: bool = True,
        reason: str = "Maintenance",
        user: str = "root",
        now: datetime,
    ) -> None:
        """A host shuts down, and stops its domains before; ``tasks`` tells of that as tasks."""
        self.advance(now)
        host = self.host(name)
        self.events.post(
            "HostShutdownEvent", now=self.now, user=user, host=host, members={"reason": reason}
        )
        for domain in self._domains_on(host):
            if self._is_on(domain) and tasks:
                self._stop_with_host(domain, action)
            elif self._is_on(domain):
                self._end_with_host(domain, self.now, action, None)

    def _stop_with_host(self, domain: Reference, action: str) -> None:
        def begin(task: Task, at: datetime) -> None:
            kind = "VmGuestShutdownEvent" if action == "guestShutdown" else "VmStoppingEvent"
            self._post(kind, at, domain, task)

        self._interrupt_tasks(domain, self.now)
        self._start(
            "AutoStartPowerOff",
            "host.AutoStartManager.autoPowerOff",
            domain,
            by=_HOST,
            begin=begin,
            end=lambda task, at: self._end_with_host(domain, at, action, task),
        )

    def _end_with_host(
        self, domain: Reference, at: datetime, action: str, task: Task | None
    ) -> None:
        cause = "event" if task is None else "task"
        self.domains.set_powered_off(domain, at)
        self._post("VmPoweredOffEvent", at, domain, task)
        if action == "guestShutdown":
            self._tell(domain, "shutdown host", cause, _HOST)
            self._tell(domain, "stopped shutdown", cause, _HOST)
        else:
            self._tell(domain, "stopped destroyed", cause, _HOST)

    # -- files that cannot be reached

    def lose_files(self, name: Named, *, trouble: Trouble = "inaccessible", now: datetime) -> None:
        """A domain's files cannot be read; its entry stays, without its configuration."""
        domain = self._at(name, now)
        if self.objects.read(domain, "runtime.connectionState") in _TROUBLES:
            raise InvalidState("The files are out of reach already.")
        self._disconnect(domain, trouble)
        if trouble == "orphaned":
            self._post("VmOrphanedEvent", self.now, domain)
        self.domains.hide_configuration(domain)

    def find_files(self, name: Named, *, now: datetime) -> None:
        """A domain's files can be read again."""
        domain = self._at(name, now)
        if self.objects.read(domain, "runtime.connectionState") not in _TROUBLES:
            raise InvalidState("The files are within reach.")
        self.domains.show_configuration(domain)
        self.objects.assign(domain, "runtime.connectionState", "connected")

    # -- fault tolerance

    def add_secondary(self, name: Named, host: Named, *, now: datetime) -> Reference:
        """Protect a domain by a second one that runs the same on another host."""
        domain = self._at(name, now)
        place = self.host(host)
        if place == self._host_of(domain):
            raise InvalidArgument("host")
        self.objects.update(domain, self._fault_tolerance(1))
        secondary = self.domains.add(
            f"{self._name(domain)} (secondary)",
            now=self.now,
            host=place,
            values={
                "runtime.bootTime": self.objects.read(domain, "runtime.bootTime"),
                **self._fault_tolerance(2),
            },
            powered_on=True,
        )
        self._secondaries[domain] = secondary
        return secondary

    def _fault_tolerance(self, role: int) -> dict[str, Value]:
        return {"config.ftInfo.role": role, "runtime.faultToleranceState": "running"}

    def fail_over(self, name: Named, *, now: datetime) -> None:
        """The host of a protected domain fails; its secondary takes over without a break."""
        domain = self._at(name, now)
        secondary = self._secondary_of(domain)
        source, destination = self._host_of(domain), self._host_of(secondary)
        self.domains.set_host(secondary, source, self.now)
        self.domains.set_host(domain, destination, self.now)
        self._post("VmPrimaryFailoverEvent", self.now, domain, members={"reason": "connectionLost"})
        for words in ("stopped migrated", "started migrated"):
            self._tell(domain, words, "event", source=source, destination=destination)

    def terminate_fault_tolerant(self, name: Named, *, now: datetime) -> None:
        """Fault tolerance terminates a domain that it protects."""
        domain = self._at(name, now)
        self._require(domain, "poweredOn", requested="poweredOff", idle=False)
        self._secondary_of(domain)
        self._stop(domain, self.now, clean=False)
        self._post(
            "VmFaultToleranceVmTerminatedEvent", self.now, domain, members={"reason": "divergence"}
        )
        self._post("VmPoweredOffEvent", self.now, domain)
        self._tell(domain, "stopped failed", "event")

    def _secondary_of(self, domain: Reference) -> Reference:
        secondary = self._secondaries.get(domain)
        if secondary is None:
            raise InvalidState("Fault tolerance does not protect the virtual machine.")
        return secondary
