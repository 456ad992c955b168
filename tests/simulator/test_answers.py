"""The form of the answers, on which libvirt and pyVmomi insist."""

from __future__ import annotations

from eventd.simulator import Question
from tests.simulator.client import connect


def test_every_value_says_its_type() -> None:
    """The width of a number counts, and children of arrays say theirs too."""
    client = connect(powered_on=True)
    (host,) = client.world.inventory.hosts
    domain = client.world.domain("web01")
    compute = client.world.inventory.compute_resource

    assert client.fetch(domain, "name") == '<returnval xsi:type="xsd:string">web01</returnval>'
    assert client.fetch(domain, "runtime.powerState") == (
        '<returnval xsi:type="VirtualMachinePowerState">poweredOn</returnval>'
    )
    assert client.fetch(domain, "config.template") == (
        '<returnval xsi:type="xsd:boolean">false</returnval>'
    )
    assert client.fetch(domain, "runtime.bootTime") == (
        '<returnval xsi:type="xsd:dateTime">2026-01-01T00:00:00Z</returnval>'
    )
    assert client.fetch(host, "hardware.cpuInfo.numCpuCores") == (
        '<returnval xsi:type="xsd:short">4</returnval>'
    )
    assert client.fetch(host, "hardware.cpuInfo.hz") == (
        '<returnval xsi:type="xsd:long">2000000000</returnval>'
    )
    assert client.fetch(compute, "host") == (
        '<returnval xsi:type="ArrayOfManagedObjectReference"><ManagedObjectReference '
        'type="HostSystem" xsi:type="ManagedObjectReference">ha-host</ManagedObjectReference>'
        "</returnval>"
    )
    assert client.fetch(client.world.inventory.root_folder, "childType") == (
        '<returnval xsi:type="ArrayOfString"><string xsi:type="xsd:string">Folder</string>'
        "</returnval>"
    )


def test_an_unset_property_is_left_out() -> None:
    """There is no empty value."""
    client = connect()

    assert client.fetch(client.world.domain("web01"), "runtime.bootTime") == ""


def test_a_question_has_the_form_of_the_api() -> None:
    """Choices say their type, which may be a subtype; a missing default is left out."""
    client = connect()
    client.world.ask(
        "web01",
        Question(
            text="a < b & c",
            choices=(("0", "Yes"),),
            default_index=None,
            choice_type="HostVirtualNicManagerNicTypeElement",
        ),
        now=client.now,
    )

    assert client.fetch(client.world.domain("web01"), "runtime.question") == (
        '<returnval xsi:type="VirtualMachineQuestionInfo"><id>25</id>'
        "<text>a &lt; b &amp; c</text>"
        '<choice xsi:type="ChoiceOption">'
        '<choiceInfo xsi:type="HostVirtualNicManagerNicTypeElement">'
        "<label>Yes</label><summary>Yes</summary><key>0</key></choiceInfo></choice></returnval>"
    )


def test_a_fault_names_its_type_and_members() -> None:
    """The detail is what clients tell faults by."""
    client = connect()

    reply = client.raw("PowerOffVM_Task", client.world.domain("web01"))

    assert reply.is_fault
    assert (
        '<detail><InvalidPowerStateFault xmlns="urn:vim25" xsi:type="InvalidPowerState">'
        "<requestedState>poweredOff</requestedState><existingState>poweredOff</existingState>"
        "</InvalidPowerStateFault></detail>"
    ) in reply.body.decode()


def test_nothing_stands_between_the_elements_of_an_answer() -> None:
    """libvirt takes white space there for further elements."""
    client = connect(domains=2)
    client.follow("name", "runtime")

    body = client.raw("CheckForUpdates", client.world.inventory.property_collector).body.decode()

    answer = body.partition("<CheckForUpdatesResponse")[2].partition("</CheckForUpdatesResponse")[0]
    assert "> " not in answer
    assert ">\n" not in answer
    assert answer.count("<returnval>") == 1
