"""Events of the event history: their own parts, whom they are about, and what came with them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from eventd.vi.events import is_event, parse_event, parse_events
from eventd.vi.types import ConfigChange, DeviceChange, HistoryEvent
from eventd.vi.values import parse_value
from tests.vi.answers import element_of

HEAD = """
    <key>4711</key>
    <chainId>4709</chainId>
    <createdTime>2026-11-20T12:00:00.25Z</createdTime>
    <userName>VSPHERE.LOCAL\\ops</userName>
"""
DATACENTER = (
    '<datacenter><name>DC1</name><datacenter type="Datacenter">datacenter-3</datacenter>'
    "</datacenter>"
)
HOST = '<host><name>esx01</name><host type="HostSystem">host-21</host></host>'
DOMAIN = '<vm><name>web01</name><vm type="VirtualMachine">vm-42</vm></vm>'
SENTENCE = "<fullFormattedMessage>web01 on esx01 in DC1 is powered off</fullFormattedMessage>"

POWERED_OFF = f"{HEAD}{DATACENTER}{HOST}{DOMAIN}{SENTENCE}<template>false</template>"


def event(content: str, *, type: str = "VmPoweredOffEvent") -> HistoryEvent:  # noqa: A002
    """Read an event as it stands in a page."""
    found = parse_event(element_of(f'<Event xsi:type="{type}">{content}</Event>'))
    assert found is not None
    return found


def test_an_event_has_its_key_chain_time_user_domain_and_host() -> None:
    """What all classes have; the class is its type."""
    found = event(POWERED_OFF)

    assert found[:7] == (
        4711,
        4709,
        datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC),
        "VmPoweredOffEvent",
        "VSPHERE.LOCAL\\ops",
        "vm-42",
        "host-21",
    )
    assert found.message == "web01 on esx01 in DC1 is powered off"
    assert found.config is None


def test_an_argument_that_is_an_entity_gives_its_name_and_its_reference() -> None:
    """Where a migrated domain came from, for example."""
    source = '<sourceHost><name>esx02</name><host type="HostSystem">host-22</host></sourceHost>'
    found = event(POWERED_OFF + source, type="VmMigratedEvent")

    assert found.members == {
        "datacenter": "DC1",
        "host": "esx01",
        "vm": "web01",
        "template": "false",
        "sourceHost": "esx02",
    }
    assert found.references == {
        "datacenter": "datacenter-3",
        "host": "host-21",
        "vm": "vm-42",
        "sourceHost": "host-22",
    }


@pytest.mark.parametrize(
    ("type", "content", "name", "text"),
    [
        ("VmRenamedEvent", "<newName>db02</newName>", "newName", "db02"),
        ("VmMacChangedEvent", "<newMac>00:50:56:01:02:03</newMac>", "newMac", "00:50:56:01:02:03"),
        ("VmRenamedEvent", "<oldName></oldName>", "oldName", ""),
        (
            "VmFailedToPowerOnEvent",
            '<reason><fault xsi:type="InsufficientMemoryResourcesFault"><unreserved>1</unreserved>'
            "</fault><localizedMessage>There is too little memory.</localizedMessage></reason>",
            "reason",
            "There is too little memory.",
        ),
        (
            "VmFailedToPowerOnEvent",
            '<reason><fault xsi:type="InsufficientMemoryResourcesFault"/></reason>',
            "reason",
            "InsufficientMemoryResourcesFault",
        ),
        ("VmFailedToPowerOnEvent", "<reason><localizedMessage/></reason>", "reason", ""),
    ],
)
def test_the_members_of_a_class_are_texts(type: str, content: str, name: str, text: str) -> None:  # noqa: A002
    """A fault is the host's sentence, or else its name."""
    assert event(HEAD + content, type=type).members[name] == text


def test_a_member_that_is_another_structure_is_left_out() -> None:
    """Nobody needs it, and the members stay texts."""
    info = "<messageInfo><id>msg.x</id><argument>1</argument></messageInfo>"
    assert event(HEAD + info, type="VmMessageErrorEvent").members == {}


def test_the_message_of_an_error_serves_where_there_is_no_sentence() -> None:
    """The sentence is not asked for, since it costs bytes."""
    found = event(f"{HEAD}<message>The VM\ncrashed.</message>", type="VmMessageErrorEvent")
    assert found.message == "The VM crashed."
    assert found.members["message"] == "The VM\ncrashed."


def test_texts_without_end_are_cut() -> None:
    """An event is kept for a while, and may travel on."""
    found = event(f"{HEAD}<message>{'x' * 100_000}</message>")
    assert found.message is not None
    assert len(found.message) <= 1001
    assert len(found.members["message"]) == 4096


def test_every_text_of_an_event_is_cut() -> None:
    """Also what no host makes long: names, types, references and the keys of arguments."""
    long = "x" * 100_000
    head = HEAD.replace("VSPHERE.LOCAL\\ops", long)
    reference = f'<host><name>{long}</name><host type="HostSystem">{long}</host></host>'
    pair = f"<arguments><key>{long}</key><value>{long}</value></arguments>"
    found = event(f"{head}<eventTypeId>{long}</eventTypeId>{reference}{pair}", type="EventEx")
    about = f"<objectType>VirtualMachine</objectType><objectId>{long}</objectId>"

    assert {len(text) for text in (found.type, found.user, found.host or "")} == {4096}
    assert {len(text) for text in (*found.members, *found.references)} == {4, 4096}
    assert {len(text) for text in (*found.members.values(), *found.references.values())} == {4096}
    assert len(event(HEAD + about, type="EventEx").domain or "") == 4096


def test_members_without_end_are_not_kept() -> None:
    """The memory belongs to the daemon, and not to the host."""
    parts = "".join(
        f'<m{number}><name>x</name><o type="HostSystem">y</o></m{number}>' for number in range(1000)
    )
    found = event(HEAD + parts)

    assert (len(found.members), len(found.references)) == (64, 64)


class TestExtensions:
    """EventEx and ExtendedEvent, whose type is an identifier."""

    EVENT_EX = (
        "<eventTypeId>com.vmware.vc.ha.VmRestartedByHAEvent</eventTypeId><severity>warning"
        "</severity><message/><arguments><key>sourceHost</key>"
        '<value xsi:type="xsd:string">esx02</value></arguments>'
    )

    def test_an_event_ex_goes_by_its_identifier_and_has_its_arguments(self) -> None:
        """Its class says nothing."""
        found = event(f"{HEAD}{HOST}{DOMAIN}{self.EVENT_EX}", type="EventEx")

        assert found.type == "com.vmware.vc.ha.VmRestartedByHAEvent"
        assert (found.domain, found.host) == ("vm-42", "host-21")
        assert found.members["sourceHost"] == "esx02"
        assert found.message is None

    @pytest.mark.parametrize(
        ("object_type", "domain", "host"),
        [
            ("VirtualMachine", "vm-7", None),
            ("vim.VirtualMachine", "vm-7", None),
            ("HostSystem", None, "vm-7"),
            ("ClusterComputeResource", None, None),
        ],
    )
    def test_its_object_stands_for_the_domain_or_host(
        self, object_type: str, domain: str | None, host: str | None
    ) -> None:
        """Some name it in no other way."""
        names = f"<objectId>vm-7</objectId><objectType>{object_type}</objectType>"
        found = event(HEAD + self.EVENT_EX + names, type="EventEx")
        assert (found.domain, found.host) == (domain, host)

    def test_the_argument_goes_before_the_object(self) -> None:
        """It is a reference of this very host."""
        names = "<objectId>vm-7</objectId><objectType>VirtualMachine</objectType>"
        assert event(HEAD + DOMAIN + self.EVENT_EX + names, type="EventEx").domain == "vm-42"

    def test_an_argument_that_is_a_reference_is_one(self) -> None:
        """Arguments may be of any type."""
        value = '<value xsi:type="ManagedObjectReference" type="HostSystem">host-9</value>'
        found = event(f"{HEAD}<arguments><key>failed</key>{value}</arguments>", type="EventEx")
        assert found.references == {"failed": "host-9"}

    def test_an_argument_never_hides_a_member(self) -> None:
        """Whatever an extension calls it."""
        argument = "<arguments><key>vm</key><value>other</value></arguments>"
        assert event(HEAD + argument + DOMAIN, type="EventEx").members == {"vm": "web01"}

    @pytest.mark.parametrize("argument", ["<key>x</key>", "<value>y</value>", "<key/><value/>"])
    def test_a_pair_that_is_none_is_left_out(self, argument: str) -> None:
        """It does not cost the event."""
        assert event(f"{HEAD}<arguments>{argument}</arguments>", type="EventEx").members == {}

    def test_an_extended_event_has_its_managed_object_and_its_pairs(self) -> None:
        """The older way, since 2.5."""
        found = event(
            f"{HEAD}<message>m</message><eventTypeId>com.vmware.vc.vm.X</eventTypeId>"
            '<managedObject type="VirtualMachine">vm-8</managedObject>'
            "<data><key>a</key><value>1</value></data><data><key>b</key><value>2</value></data>",
            type="ExtendedEvent",
        )
        assert (found.type, found.domain) == ("com.vmware.vc.vm.X", "vm-8")
        assert (found.members["a"], found.members["b"]) == ("1", "2")


class TestReconfiguration:
    """The ``configSpec`` of a VmReconfiguredEvent."""

    def config(self, spec: str, changes: str = "") -> ConfigChange:
        """Read what was changed."""
        content = f"{HEAD}{DOMAIN}<configSpec>{spec}</configSpec>{changes}"
        found = event(content, type="VmReconfiguredEvent").config
        assert found is not None
        return found

    def test_a_device_is_told_with_its_place(self) -> None:
        """By it a disk or an interface is named as libvirt would."""
        disk = (
            "<deviceChange><operation>add</operation><fileOperation>create</fileOperation>"
            '<device xsi:type="VirtualDisk"><key>-101</key><controllerKey>1000</controllerKey>'
            "<unitNumber>1</unitNumber></device></deviceChange>"
        )
        cdrom = (
            "<deviceChange><operation>edit</operation>"
            '<device xsi:type="VirtualCdrom"><key>3000</key><connectable><startConnected>true'
            "</startConnected><connected>false</connected></connectable></device></deviceChange>"
        )
        assert self.config(disk + cdrom).devices == (
            DeviceChange("add", "VirtualDisk", -101, 1000, 1, None),
            DeviceChange("edit", "VirtualCdrom", 3000, None, None, False),
        )

    def test_a_change_of_a_backing_alone_is_told_too(self) -> None:
        """It has no operation."""
        change = (
            '<deviceChange><device xsi:type="VirtualDisk"><key>2000</key></device></deviceChange>'
        )
        assert self.config(change).devices[0].operation is None
        assert self.config("<deviceChange/>").devices[0].type == ""

    def test_an_annotation_may_become_empty(self) -> None:
        """That is not the same as one that stays as it is."""
        assert self.config("<annotation></annotation>").annotation == ""
        assert self.config("").annotation is None

    @pytest.mark.parametrize(
        ("level", "number"), [("custom", 1234), ("low", -1), ("normal", -2), ("high", -3)]
    )
    def test_cpu_shares_are_a_number_or_a_level(self, level: str, number: int) -> None:
        """The number beside a level means nothing."""
        shares = f"<shares><shares>1234</shares><level>{level}</level></shares>"
        assert self.config(f"<cpuAllocation>{shares}</cpuAllocation>").cpu_shares == number

    def test_an_allocation_without_shares_changes_none(self) -> None:
        """A limit may change alone."""
        assert self.config("<cpuAllocation><limit>5</limit></cpuAllocation>").cpu_shares is None

    def test_added_devices_are_told_by_their_new_keys(self) -> None:
        """The spec has only the negative ones that the client made up."""
        added = (
            "<configChanges><modified>config.hardware.device(1000).device: (2000) -&gt; "
            "(2000, 2001); </modified><added>config.hardware.device(2001): (key = 2001);\n"
            "config.hardware.device(4001) : (key = 4001);</added><deleted/></configChanges>"
        )
        assert self.config("", added).added_keys == (2001, 4001)

    def test_other_events_have_none(self) -> None:
        """VmResourceReallocatedEvent tells no spec."""
        assert event(HEAD, type="VmResourceReallocatedEvent").config is None


class TestOddEvents:
    """What a host should not send."""

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "<key>x</key><createdTime>2026-11-20T12:00:00Z</createdTime>",
            "<key>1</key><createdTime>yesterday</createdTime>",
            "<createdTime>2026-11-20T12:00:00Z</createdTime>",
            "<key>2147483648</key><createdTime>2026-11-20T12:00:00Z</createdTime>",
            "<key>1</key><createdTime>0001-01-01T00:00:00Z</createdTime>",
            "<key>1</key><createdTime>1969-12-31T23:59:59Z</createdTime>",
            "<key>1</key><createdTime>9000-01-01T00:00:00Z</createdTime>",
            "<key>1</key><chainId>-2147483649</chainId>"
            "<createdTime>2026-11-20T12:00:00Z</createdTime>",
        ],
    )
    def test_an_event_without_key_or_time_is_none(self, content: str) -> None:
        """It could not be told from others, nor put in order."""
        element = element_of(f'<Event xsi:type="VmPoweredOnEvent">{content}</Event>')
        assert parse_event(element) is None

    def test_an_event_without_type_is_none(self) -> None:
        """Nobody could say what happened."""
        assert parse_event(element_of(f"<Event>{HEAD}</Event>")) is None

    def test_a_key_may_have_wrapped_below_zero(self) -> None:
        """It is an int32, and vCenters get there."""
        assert event(HEAD.replace("4711", "-2147483648")).key == -2147483648

    def test_an_event_without_chain_begins_one(self) -> None:
        """Its own key is what chains are called by."""
        assert event(HEAD.replace("<chainId>4709</chainId>", "")).chain_id == 4711

    def test_one_that_is_none_does_not_cost_the_others(self) -> None:
        """It is given back, to be logged."""
        good, bad = (
            element_of(f'<Event xsi:type="VmPoweredOnEvent">{content}</Event>')
            for content in (HEAD, "<key/>")
        )
        events, odd = parse_events([bad, good])
        assert [found.key for found in events] == [4711]
        assert [found.type for found in odd] == ["VmPoweredOnEvent"]


@pytest.mark.parametrize("name", ["VmPoweredOnEvent", "EventEx", "ExtendedEvent"])
def test_classes_of_events_are_known_by_their_names(name: str) -> None:
    """All of the VI API are called so."""
    assert is_event(name)
    assert not is_event("EventDescription")


def test_a_page_is_a_property_like_others() -> None:
    """``latestPage`` of a collector; ``latestEvent`` is one event."""
    page = f'<val xsi:type="ArrayOfEvent"><Event xsi:type="VmPoweredOnEvent">{HEAD}</Event></val>'
    single = f'<val xsi:type="VmPoweredOnEvent">{HEAD}</val>'
    assert parse_value(element_of(page)) == (event(HEAD, type="VmPoweredOnEvent"),)
    assert parse_value(element_of(single)) == (event(HEAD, type="VmPoweredOnEvent"),)
    assert parse_value(element_of('<val xsi:type="ArrayOfEvent"/>')) == ()
