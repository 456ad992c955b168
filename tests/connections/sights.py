"""What a scripted host says of one domain when it is looked at, and who looks."""

from __future__ import annotations

from eventd.connections.credentials import Credentials
from eventd.connections.session import Session
from eventd.vi.soap import SoapRequest
from eventd.vi.types import TaskState
from eventd.vi.uri import ConnectionURI
from eventd.vi.xml import escape
from tests.connections.scripted_host import Host, fault, object_content

__all__ = ["GONE", "domain", "question", "references", "session_with", "task"]

GONE = fault("ManagedObjectNotFound", "The object is gone.")
"""What a host says of what it does not have."""


async def session_with(host: Host) -> Session:
    """Log in to a host."""
    uri = ConnectionURI.parse("esx://esx01.example/")
    return await Session.open(host.transport(), uri, Credentials("root", "secret"))


def question(vi_id: str = "25", text: str = "Replace or append?") -> str:
    """Return a question with the choices 0 Replace and 1 Append; the latter is the default."""
    choices = "".join(
        f"<choiceInfo><key>{key}</key><label>{label}</label><summary>{label}</summary></choiceInfo>"
        for key, label in (("0", "Replace"), ("1", "Append"))
    )
    return (
        f'<val xsi:type="VirtualMachineQuestionInfo"><id>{vi_id}</id><text>{escape(text)}</text>'
        f"<choice>{choices}<defaultIndex>1</defaultIndex></choice></val>"
    )


def domain(reference: str = "vm-42", *, power: str = "", question: str = "") -> str:
    """Return what a host says of a domain; what is empty is unset."""
    told = {"runtime.powerState": power, "runtime.question": question}
    return object_content(
        "VirtualMachine", reference, **{path: value for path, value in told.items() if value}
    )


def task(key: str, state: TaskState = TaskState.RUNNING) -> str:
    """Return what a host says of a task that starts vm-42."""
    info = (
        f'<val xsi:type="TaskInfo"><key>{key}</key><task type="Task">{key}</task>'
        '<descriptionId>VirtualMachine.powerOn</descriptionId><entity type="VirtualMachine">vm-42'
        f"</entity><state>{state}</state><cancelled>false</cancelled>"
        "<cancelable>true</cancelable></val>"
    )
    return object_content("Task", key, info=info)


def references(call: SoapRequest, tag: str) -> list[str]:
    """Return the values of the references that a call has under a name, in order."""
    found = [node.reference for node in call.call.every(tag)]
    return [reference.value for reference in found if reference is not None]
