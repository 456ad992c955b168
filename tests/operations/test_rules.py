"""The table of operations: which method of the host does what."""

from __future__ import annotations

import pytest

from eventd.model.operations import DomainOperation
from eventd.operations.rules import RULES
from eventd.vi.types import ManagedObjectReference

METHODS = {
    "start": "PowerOnVM_Task",
    "shutdown": "ShutdownGuest",
    "destroy": "PowerOffVM_Task",
    "suspend": "SuspendVM_Task",
    "resume": "PowerOnVM_Task",
    "reboot": "RebootGuest",
    "reset": "ResetVM_Task",
}


@pytest.mark.parametrize("operation", DomainOperation)
def test_each_operation_calls_one_method(operation: DomainOperation) -> None:
    """Those of libvirt's ESX driver, and ResetVM_Task."""
    domain = ManagedObjectReference("VirtualMachine", "vm-42")
    call = RULES[operation].call(domain)

    assert call.method == METHODS[operation]
    assert b">vm-42<" in call.body


@pytest.mark.parametrize("operation", DomainOperation)
def test_what_the_method_is_called_tells_whether_it_is_a_task(operation: DomainOperation) -> None:
    """VI's names of methods that start a task end in ``_Task``."""
    assert RULES[operation].is_task is METHODS[operation].endswith("_Task")
