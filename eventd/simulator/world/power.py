"""Power operations: what users, schedules, DRS and hosts do to a domain through a task.

Descriptions of tasks are those of a real vCenter: ``VirtualMachine.powerOff``.
"""

from __future__ import annotations

from datetime import datetime

from eventd.simulator.world.faults import InvalidState, VIFault
from eventd.simulator.world.happenings import By, Initiator
from eventd.simulator.world.stage import Named, Reference, Stage
from eventd.simulator.world.tasks import Task

__all__ = ["Power"]

_TERMINATE_EVENT = "com.vmware.vc.vm.VmTerminateEvent"

_POWER_ON_TASKS: dict[str, str] = {
    "drs": "Drm.ExecuteVmPowerOnLRO",
    "host": "host.AutoStartManager.autoPowerOn",
}


class Power(Stage):
    """Power operations. Each starts a task, and returns its reference."""

    def power_on(
        self,
        name: Named,
        *,
        user: str = "root",
        initiator: Initiator = "user",
        description: str | None = None,
        now: datetime,
    ) -> Reference:
        """Boot a domain, or let it go on after a suspend.

        ``user`` names the scheduled task or the alarm where that is what does it, and
        ``description`` is the `descriptionId` of the task where it is an unusual one.
        """
        domain = self._at(name, now)
        self._require(domain, "poweredOff", "suspended", requested="poweredOn")
        if self.objects.read(domain, "config.template") is True:
            raise InvalidState("A template cannot be powered on.")
        by = By(initiator, user if initiator in ("user", "schedule", "alarm") else "")
        resumes = self.domains.power_state(domain) == "suspended"

        def begin(task: Task, at: datetime) -> None:
            self._post("VmResumingEvent" if resumes else "VmStartingEvent", at, domain, task)

        def end(task: Task, at: datetime) -> None:
            self.domains.set_powered_on(domain, at)
            kind = "DrsVmPoweredOnEvent" if initiator == "drs" else "VmPoweredOnEvent"
            self._post(kind, at, domain, task)
            self._tell(domain, "resumed unpaused" if resumes else "started booted", "task", by)
            self._tell_agent(domain, "connected")

        def fail(task: Task, fault: VIFault, at: datetime) -> None:
            if task.state == "running":
                self._fail_to_start(domain, task, fault, at)

        usual = _POWER_ON_TASKS.get(initiator, "VirtualMachine.powerOn")
        return self._start(
            "PowerOnVM_Task", description or usual, domain, by=by, begin=begin, end=end, fail=fail
        )

    def _fail_to_start(self, domain: Reference, task: Task, fault: VIFault, at: datetime) -> None:
        if domain not in self.objects:
            return
        reason = {"reason": fault.localized}
        self._post("VmFailedToPowerOnEvent", at, domain, task, message=fault.reason, members=reason)
        # One that cannot go on stays suspended: to call that stopped would be wrong.
        if self.domains.power_state(domain) == "poweredOff":
            self._tell(domain, "stopped failed", "event", task.by)

    def fail_power_on(
        self,
        name: Named,
        *,
        reason: str = "Unable to access file [datastore1] web01.vmdk.",
        user: str = "root",
        now: datetime,
    ) -> Reference:
        """Power a domain on, which fails after it has begun."""
        domain = self._at(name, now)
        self._require(domain, "poweredOff", "suspended", requested="poweredOn")
        self.tasks.fail_next(domain, VIFault("FileFault", reason, members={"file": "web01.vmdk"}))
        return self.power_on(domain, user=user, now=now)

    def refuse_power_on(
        self,
        name: Named,
        *,
        reason: str = "Insufficient resources to satisfy the failover level.",
        user: str = "root",
        now: datetime,
    ) -> Reference:
        """Ask for a domain to be powered on, which fails before anything has begun."""
        domain = self._at(name, now)
        self._require(domain, "poweredOff", "suspended", requested="poweredOn")
        fault = VIFault("InsufficientResourcesFault", reason)
        self._post(
            "NotEnoughResourcesToStartVmEvent",
            self.now,
            domain,
            by=By("user", user),
            message=reason,
            members={"reason": reason},
        )
        task = self._start(
            "PowerOnVM_Task",
            "VirtualMachine.powerOn",
            domain,
            by=By("user", user),
            end=lambda _, __: None,
        )
        if found := self.tasks.find(task):
            self.tasks.fail(found, fault, self.now)
        return task

    def power_off(self, name: Named, *, user: str = "root", now: datetime) -> Reference:
        """Pull the plug."""
        domain = self._at(name, now)
        self._require(domain, "poweredOn", "suspended", requested="poweredOff")
        return self._power_off(domain, "VirtualMachine.powerOff", By("user", user))

    def _power_off(self, domain: Reference, description: str, by: By) -> Reference:
        def begin(task: Task, at: datetime) -> None:
            self._post("VmStoppingEvent", at, domain, task)

        def end(task: Task, at: datetime) -> None:
            self.domains.set_powered_off(domain, at)
            self._post("VmPoweredOffEvent", at, domain, task)
            self._tell(domain, "stopped destroyed", "task", by)

        return self._start("PowerOffVM_Task", description, domain, by=by, begin=begin, end=end)

    def terminate(self, name: Named, *, user: str = "root", now: datetime) -> Reference:
        """Kill a domain's process; that is no orderly stop."""
        domain = self._at(name, now)
        self._require(domain, "poweredOn", requested="poweredOff", idle=False)
        by = By("user", user)
        tells = self.schema.has("7.0.1.0")

        def end(task: Task, at: datetime) -> None:
            self.domains.set_powered_off(domain, at, clean=False)
            if tells:
                self._post(_TERMINATE_EVENT, at, domain, task)
            self._post("VmPoweredOffEvent", at, domain, task)
            self._tell(domain, "stopped destroyed", "event" if tells else "task", by)

        self._interrupt_tasks(domain, self.now)
        return self._start("TerminateVM", "VirtualMachine.terminate", domain, by=by, end=end)

    def suspend(self, name: Named, *, user: str = "root", now: datetime) -> Reference:
        """Write a domain's memory to disk and stop it."""
        domain = self._at(name, now)
        self._require(domain, "poweredOn", requested="suspended")
        by = By("user", user)

        def begin(task: Task, at: datetime) -> None:
            self._post("VmSuspendingEvent", at, domain, task)

        def end(task: Task, at: datetime) -> None:
            self.domains.set_suspended(domain, at)
            self._post("VmSuspendedEvent", at, domain, task)
            self._tell(domain, "suspended paused", "task", by)
            self._tell(domain, "job-completed suspend", "task", by)

        return self._start(
            "SuspendVM_Task", "VirtualMachine.suspend", domain, by=by, begin=begin, end=end
        )

    def reset(self, name: Named, *, user: str = "root", now: datetime) -> Reference:
        """Press the reset button: the power state stays on all the while."""
        domain = self._at(name, now)
        self._require(domain, "poweredOn", requested="poweredOn")
        by = By("user", user)

        def begin(task: Task, at: datetime) -> None:
            self._tell_of_waking(domain)
            self.domains.set_resetting(domain)
            self._post("VmResettingEvent", at, domain, task)
            self._tell(domain, "reboot", "task", by)
            self._tell_agent(domain, "disconnected")

        def end(task: Task, at: datetime) -> None:
            self.domains.set_guest_running(domain)
            self._post("VmPoweredOnEvent", at, domain, task)
            self._tell_agent(domain, "connected")

        return self._start(
            "ResetVM_Task", "VirtualMachine.reset", domain, by=by, begin=begin, end=end
        )
