"""What people do to the domains of a VI host, done by pyVmomi, VMware's own client.

pyVmomi blocks: a test on an event loop that must go on meanwhile calls these functions through
``asyncio.to_thread``, one at a time for each session.
"""

# pyVmomi has types for its members, but none for its constructors.
# mypy: allow-untyped-calls

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeVar

from pyVim.connect import SmartConnect
from pyVmomi import vim, vmodl

__all__ = ["Operations", "session"]

CALL_LIMIT = 30
"""Seconds that one call to the host may take; pyVmomi itself would wait for ever."""

TASK_LIMIT = 20
"""Seconds that a task may go on without any change; no task of a simulated host takes one."""

ENDED = (vim.TaskInfo.State.success, vim.TaskInfo.State.error)

Entity = TypeVar("Entity", bound=vim.ManagedEntity)


@contextmanager
def session(
    host: str, port: int, *, user: str, password: str, tls: bool = False
) -> Iterator[vim.ServiceInstance]:
    """Be logged in for the length of a ``with`` block; with ``tls`` any certificate is trusted.

    Raises ``vim.fault.InvalidLogin`` for a wrong user or password. The end of the block closes
    the sockets and does not log out: a simulator in the event loop of a test that has ended
    would not answer.
    """
    service = _log_in(host, port, user, password, tls=tls)
    try:
        yield service
    finally:
        service._GetStub().DropConnections()


def _log_in(host: str, port: int, user: str, password: str, *, tls: bool) -> vim.ServiceInstance:
    try:
        service: vim.ServiceInstance = SmartConnect(
            protocol="https" if tls else "http",
            host=host,
            port=port,
            user=user,
            pwd=password,
            disableSslCertValidation=tls,
            httpConnectionTimeout=CALL_LIMIT,
        )
    except vmodl.MethodFault as fault:
        refusal = fault
    else:
        return service
    # pyVmomi leaves the socket of a refused login open, and only the traceback still knows it.
    # Freed outside of this block, at once or at some later moment, it would fail a test.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        refusal = refusal.with_traceback(None)
        gc.collect()
    raise refusal


class Operations:
    """The domains of one host and what can be done to them.

    Each operation returns when its task has succeeded, and raises the task's fault otherwise
    (``vim.fault.InvalidPowerState`` for example).
    """

    def __init__(self, service: vim.ServiceInstance) -> None:
        self._content = service.RetrieveContent()

    def domains(self) -> dict[str, vim.VirtualMachine]:
        """Return every domain by its VI name, which is unique on the simulated hosts."""
        return {domain.name: domain for domain in self._all(vim.VirtualMachine)}

    def hosts(self) -> dict[str, vim.HostSystem]:
        """Return every ESX host by its name."""
        return {host.name: host for host in self._all(vim.HostSystem)}

    def read(self, entity: vim.ManagedEntity, path: str) -> object:
        """Return one property, such as ``runtime.powerState``; None where it is unset.

        ``entity.runtime`` would ask for all of it, and pyVmomi cannot read all that vcsim says
        (``faultToleranceState`` is empty there).
        """
        collector = vmodl.query.PropertyCollector
        (found,) = self._content.propertyCollector.RetrieveContents(
            [
                collector.FilterSpec(
                    objectSet=[collector.ObjectSpec(obj=entity)],
                    propSet=[collector.PropertySpec(type=type(entity), pathSet=[path])],
                )
            ]
        )
        return found.propSet[0].val if found.propSet else None

    def reference(self, entity: vim.ManagedEntity) -> str:
        """Return the value of an object's reference: ``vm-42``."""
        return str(entity._GetMoId())

    def power_on(self, domain: vim.VirtualMachine) -> None:
        """Start a domain, or wake a suspended one."""
        self._finish(domain.PowerOn(None))

    def power_off(self, domain: vim.VirtualMachine) -> None:
        """Cut a domain's power; its guest is not asked."""
        self._finish(domain.PowerOff())

    def suspend(self, domain: vim.VirtualMachine) -> None:
        """Write a running domain's memory to disk and stop it."""
        self._finish(domain.Suspend())

    def reset(self, domain: vim.VirtualMachine) -> None:
        """Press a running domain's reset button; vcsim turns it off and on again."""
        self._finish(domain.Reset())

    def rename(self, domain: vim.VirtualMachine, name: str) -> None:
        """Give a domain another name, in VI's spelling (``%2f`` for a slash)."""
        self._finish(domain.Rename(name))

    def unregister(self, domain: vim.VirtualMachine) -> None:
        """Take a powered-off domain out of the inventory; its files stay. This has no task."""
        domain.Unregister()

    def destroy(self, domain: vim.VirtualMachine) -> None:
        """Delete a powered-off domain and its files (libvirt's "destroy" is ``power_off``)."""
        self._finish(domain.Destroy())

    def relocate(self, domain: vim.VirtualMachine, host: vim.HostSystem) -> None:
        """Move a domain to another host of the vCenter; of a running domain it is a vMotion."""
        compute_resource = host.parent
        assert isinstance(compute_resource, vim.ComputeResource)
        spec = vim.vm.RelocateSpec(host=host, pool=compute_resource.resourcePool)
        self._finish(domain.Relocate(spec, None))

    def shut_down_guest(self, domain: vim.VirtualMachine) -> None:
        """Ask a running domain's guest to shut down; vcsim does it at once. This has no task."""
        domain.ShutdownGuest()

    def stand_by_guest(self, domain: vim.VirtualMachine) -> None:
        """Ask a running domain's guest to sleep; vcsim suspends it at once. This has no task."""
        domain.StandbyGuest()

    def create_snapshot(self, domain: vim.VirtualMachine, name: str) -> None:
        """Take a snapshot, without memory."""
        self._finish(domain.CreateSnapshot(name, None, False, False))

    def remove_snapshots(self, domain: vim.VirtualMachine) -> None:
        """Drop all snapshots of a domain."""
        # Its types want the argument of the newest API, which others than the newest host refuse.
        self._finish(domain.RemoveAllSnapshots(None))  # type: ignore[call-arg]

    def clone(self, domain: vim.VirtualMachine, name: str) -> None:
        """Copy a domain; the copy is off."""
        folder = domain.parent
        assert isinstance(folder, vim.Folder)
        spec = vim.vm.CloneSpec(location=vim.vm.RelocateSpec(), powerOn=False, template=False)
        self._finish(domain.Clone(folder, name, spec))

    def create(self, like: vim.VirtualMachine, name: str) -> None:
        """Create a domain where another one is."""
        folder, pool = like.parent, like.resourcePool
        assert isinstance(folder, vim.Folder)
        assert pool is not None
        files = vim.vm.FileInfo(vmPathName="[LocalDS_0]")
        self._finish(folder.CreateVm(vim.vm.ConfigSpec(name=name, files=files), pool, None))

    def reconfigure(self, domain: vim.VirtualMachine, spec: vim.vm.ConfigSpec) -> None:
        """Change a domain's configuration."""
        self._finish(domain.Reconfigure(spec))

    def set(self, domain: vim.VirtualMachine, **values: object) -> None:
        """Set properties of a domain of vcsim: ``runtime_powerState="poweredOff"``.

        A property that vcsim does not simulate is set by a reconfiguration with an option
        ``SET.runtime.powerState``, which vcsim tells of like of any other.
        """
        options = [
            vim.option.OptionValue(key=f"SET.{path.replace('_', '.')}", value=value)
            for path, value in values.items()
        ]
        self.reconfigure(domain, vim.vm.ConfigSpec(extraConfig=options))

    def post(self, kind: type[vim.event.Event], **members: object) -> None:
        """Post an event; vcsim gives it a key, a chain of its own, the time and the user."""
        now = datetime.now(UTC)
        event = kind(key=0, chainId=0, createdTime=now, userName="", **members)
        manager = self._content.eventManager
        assert manager is not None
        manager.PostEvent(event, None)

    def _all(self, kind: type[Entity]) -> list[Entity]:
        view_manager = self._content.viewManager
        assert view_manager is not None
        view = view_manager.CreateContainerView(self._content.rootFolder, [kind], True)
        try:
            return [entity for entity in view.view if isinstance(entity, kind)]
        finally:
            view.Destroy()

    def _finish(self, task: vim.Task) -> None:
        """Wait for a task, watching its state alone.

        pyVmomi's own ``WaitForTask`` reads all of ``runtime`` of a domain whose task still runs,
        which it cannot on vcsim.
        """
        collector = vmodl.query.PropertyCollector
        spec = collector.FilterSpec(
            objectSet=[collector.ObjectSpec(obj=task)],
            propSet=[collector.PropertySpec(type=vim.Task, pathSet=["info.state"])],
        )
        state_filter = self._content.propertyCollector.CreateFilter(spec, True)
        try:
            state = next(state for state in self._states() if state in ENDED)
        finally:
            state_filter.Destroy()
        if state == vim.TaskInfo.State.error:
            assert task.info.error is not None
            raise task.info.error

    def _states(self) -> Iterator[object]:
        """Yield the states of the one task that the session's property collector watches."""
        options = vmodl.query.PropertyCollector.WaitOptions(maxWaitSeconds=TASK_LIMIT)
        version = ""
        while updates := self._content.propertyCollector.WaitForUpdatesEx(version, options):
            version = updates.version
            for filter_update in updates.filterSet:
                for object_update in filter_update.objectSet:
                    yield from (change.val for change in object_update.changeSet)
        raise TimeoutError(f"the host's task did not change for {TASK_LIMIT} seconds")
