"""VI faults that the simulated host raises: their VI type, their members, their sentence."""

from __future__ import annotations

from collections.abc import Mapping

from eventd.simulator.world.values import DataObject, Value
from eventd.vi.types import ManagedObjectReference

__all__ = [
    "DuplicateName",
    "InvalidArgument",
    "InvalidCollectorVersion",
    "InvalidLogin",
    "InvalidPowerState",
    "InvalidProperty",
    "InvalidState",
    "ManagedObjectNotFound",
    "MethodNotFound",
    "NotAuthenticated",
    "NotSupported",
    "RequestCanceled",
    "TaskInProgress",
    "ToolsUnavailable",
    "VIFault",
]


class VIFault(Exception):
    """A VI fault by its type's name: ``VIFault("InvalidState", "…")``."""

    def __init__(
        self, name: str, reason: str, *, members: Mapping[str, Value] | None = None
    ) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason
        self.members = dict(members or {})

    @property
    def value(self) -> DataObject:
        """The fault as it stands in ``detail`` and in ``TaskInfo.error.fault``."""
        return DataObject(self.name, self.members)

    @property
    def localized(self) -> DataObject:
        """The fault together with its sentence, as tasks and events carry it."""
        return DataObject(
            "LocalizedMethodFault", {"fault": self.value, "localizedMessage": self.reason}
        )


class NotAuthenticated(VIFault):
    """The session is anonymous, or gone."""

    def __init__(self, obj: ManagedObjectReference) -> None:
        super().__init__(
            "NotAuthenticated",
            "The session is not authenticated.",
            members={"object": obj, "privilegeId": "System.View"},
        )


class InvalidLogin(VIFault):
    """User name or password is wrong."""

    def __init__(self) -> None:
        super().__init__(
            "InvalidLogin", "Cannot complete login due to an incorrect user name or password."
        )


class ManagedObjectNotFound(VIFault):
    """The object is gone, or never was."""

    def __init__(self, obj: ManagedObjectReference) -> None:
        super().__init__(
            "ManagedObjectNotFound",
            f"The object '{obj.type}:{obj.value}' has already been deleted or has not been "
            "completely created",
            members={"obj": obj},
        )


class MethodNotFound(VIFault):
    """The API version has no such method, or not on such an object."""

    def __init__(self, obj: ManagedObjectReference, method: str) -> None:
        super().__init__(
            "MethodNotFound",
            f"Unable to resolve WSDL method name {method} on {obj.type}",
            members={"receiver": obj, "method": method},
        )


class InvalidPowerState(VIFault):
    """The domain's power state does not allow the operation."""

    def __init__(self, *, requested: str | None, existing: str) -> None:
        members = {"existingState": existing}
        if requested is not None:
            members["requestedState"] = requested
        super().__init__(
            "InvalidPowerState",
            "The attempted operation cannot be performed in the current state "
            f"({_STATE_WORDS[existing]}).",
            members=members,
        )


_STATE_WORDS = {"poweredOff": "Powered off", "poweredOn": "Powered on", "suspended": "Suspended"}


class InvalidArgument(VIFault):
    """An argument is wrong."""

    def __init__(self, argument: str) -> None:
        super().__init__(
            "InvalidArgument",
            f"A specified parameter was not correct: {argument}",
            members={"invalidProperty": argument},
        )


class InvalidProperty(VIFault):
    """The API version knows no such property."""

    def __init__(self, path: str) -> None:
        super().__init__("InvalidProperty", f"Invalid property: {path}", members={"name": path})


class InvalidCollectorVersion(VIFault):
    """The version is not one that the property collector gave and still knows."""

    def __init__(self) -> None:
        super().__init__("InvalidCollectorVersion", "The version is out of date or invalid.")


class RequestCanceled(VIFault):
    """Somebody cancelled the call or the task."""

    def __init__(self, reason: str = "The task was canceled by a user.") -> None:
        super().__init__("RequestCanceled", reason)


class TaskInProgress(VIFault):
    """Another task works on the domain."""

    def __init__(self, task: ManagedObjectReference) -> None:
        super().__init__(
            "TaskInProgress",
            "The operation cannot be performed because another task is in progress.",
            members={"task": task},
        )


class InvalidState(VIFault):
    """The object's state does not allow the operation."""

    def __init__(self, reason: str) -> None:
        super().__init__("InvalidState", reason)


class ToolsUnavailable(VIFault):
    """The guest's tools do not run."""

    def __init__(self) -> None:
        super().__init__(
            "ToolsUnavailable",
            "Cannot complete operation because VMware Tools is not running in this virtual "
            "machine.",
        )


class DuplicateName(VIFault):
    """Another entity already has the name."""

    def __init__(self, name: str, obj: ManagedObjectReference) -> None:
        super().__init__(
            "DuplicateName",
            f"The name '{name}' already exists.",
            members={"name": name, "object": obj},
        )


class NotSupported(VIFault):
    """This product does not do it."""

    def __init__(self) -> None:
        super().__init__("NotSupported", "The operation is not supported on the object.")
