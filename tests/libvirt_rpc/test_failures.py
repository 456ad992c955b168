"""Clients of libvirt print one sentence of an error: what to do next has to be in it."""

from __future__ import annotations

import pytest

from eventd.errors import (
    EventdError,
    HostUnreachable,
    NoSuchDomain,
    OperationInvalid,
    QuestionPending,
    TaskPending,
)
from eventd.libvirt_rpc.failures import error_of

QUESTION = QuestionPending(
    "Pending question blocks virtual machine execution",
    hint="eventd answer q-1 CHOICE",
    question_id="q-1",
    text="Replace?",
    choices=[("0", "Replace")],
    default_choice=None,
)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            OperationInvalid("Domain is not powered on", hint="'start' powers it on"),
            "Requested operation is not valid: Domain is not powered on",
        ),
        (NoSuchDomain("nosuch", hint="'eventd domains' lists them"), "Domain not found: nosuch"),
        (
            TaskPending("Other tasks are pending for this domain", hint="try again"),
            "Requested operation is not valid: Other tasks are pending for this domain; try again",
        ),
        (
            QUESTION,
            "internal error: Pending question blocks virtual machine execution; "
            "eventd answer q-1 CHOICE",
        ),
        (
            HostUnreachable("the host is lost", hint="it is tried again"),
            "internal error: the host is lost; it is tried again",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_hint_is_told_where_libvirts_own_driver_says_less(
    error: EventdError, message: str
) -> None:
    """What the driver refuses in the same words stays as it is: programs compare them."""
    assert error_of(error).message == message
