"""The property collector: specs as hosts want them, update sets as hosts write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from eventd.errors import MalformedAnswer
from eventd.vi.calls import retrieve_properties_ex, wait_for_updates_ex
from eventd.vi.property_collector import (
    ObjectSpec,
    PropertyFilterSpec,
    PropertySpec,
    TraversalSpec,
    parse_object_content,
    parse_update_set,
)
from eventd.vi.types import (
    ManagedObjectReference,
    MissingProperty,
    ObjectUpdate,
    PropertyValue,
    QuestionChoice,
    QuestionInfo,
    TaskInfo,
    TaskState,
    Unparsed,
    UpdateKind,
    UpdateSet,
)
from eventd.vi.xml import NotAcceptable
from tests.vi import answers

COLLECTOR = ManagedObjectReference("PropertyCollector", "propertyCollector")
DOMAIN = ManagedObjectReference("VirtualMachine", "vm-42")
WAIT = wait_for_updates_ex(COLLECTOR, version="", max_wait_seconds=1, max_object_updates=100)

POWERED_OFF = (
    "<changeSet><name>runtime.powerState</name><op>assign</op>"
    '<val xsi:type="VirtualMachinePowerState">poweredOff</val></changeSet>'
)
IS_OFF = {"runtime.powerState": "poweredOff"}


def update_set_of(document: bytes) -> UpdateSet:
    """Read a recorded answer to ``WaitForUpdatesEx``."""
    update_set = WAIT.parse(document)
    assert update_set is not None
    return update_set


def update_set(content: str) -> UpdateSet:
    return parse_update_set(answers.element_of(f"<u><version>1</version>{content}</u>"))


def updates(*objects: str) -> UpdateSet:
    """Read object updates of one filter."""
    return update_set(
        f'<filterSet><filter type="PropertyFilter">f</filter>{"".join(objects)}</filterSet>'
    )


def object_update(*changes: str, kind: str = "modify") -> str:
    return (
        f"<objectSet><kind>{kind}</kind>"
        f'<obj type="VirtualMachine">vm-42</obj>{"".join(changes)}</objectSet>'
    )


def changes_of(*changes: str) -> Mapping[str, PropertyValue | None]:
    """Read the changes of one object."""
    [property_filter] = updates(object_update(*changes)).filters
    [update] = property_filter.objects
    return update.changes


class TestRecordedUpdateSets:
    """Answers of vcsim, whose prefixes and missing types are unlike those of real hosts."""

    def test_the_first_page_brings_every_object_with_all_its_properties(self) -> None:
        """Properties that are unset come too, without a value."""
        page = update_set_of(answers.recorded("first-page"))

        [property_filter] = page.filters
        assert (page.version, page.truncated, page.unparsed) == ("-", False, ())
        assert property_filter.filter.type == "PropertyFilter"
        assert [update.obj.value for update in property_filter.objects] == ["vm-62", "vm-65"]
        assert property_filter.objects[0] == ObjectUpdate(
            UpdateKind.ENTER,
            ManagedObjectReference("VirtualMachine", "vm-62"),
            {
                "name": "DC0_H0_VM0",
                "runtime.powerState": "poweredOn",
                "runtime.connectionState": "connected",
                "runtime.host": "host-21",
                "runtime.bootTime": None,
                "runtime.question": None,
                "config.uuid": "63d40cc5-9cba-5cc1-884a-f7f19070ecea",
                "guest.guestState": None,
                "runtime.cleanPowerOff": None,
                "config.instanceUuid": "b170c191-7587-5f8e-9a15-08c6a0a11ca5",
            },
            (),
        )

    def test_a_power_change_brings_nothing_else(self) -> None:
        """One object, one property."""
        [property_filter] = update_set_of(answers.recorded("power-change")).filters
        [update] = property_filter.objects
        assert update.kind is UpdateKind.MODIFY
        assert update.changes == IS_OFF

    def test_a_question_comes_with_its_choices_and_goes_as_unset(self) -> None:
        """An answered question is a change without value."""
        [came] = update_set_of(answers.recorded("question")).filters[0].objects
        [went] = update_set_of(answers.recorded("question-gone")).filters[0].objects

        assert came.changes == {
            "runtime.question": QuestionInfo(
                "25",
                "msg.serial.file.open:Serial port output file exists. Replace & append?",
                (
                    QuestionChoice("0", "Replace"),
                    QuestionChoice("1", "Append"),
                    QuestionChoice("2", "Cancel"),
                ),
                1,
                ("msg.serial.file.open",),
            )
        }
        assert went.changes == {"runtime.question": None}

    def test_a_domain_that_leaves_brings_no_properties(self) -> None:
        """There are none to be told any more."""
        [property_filter] = update_set_of(answers.recorded("unregistered")).filters
        assert property_filter.objects == [
            ObjectUpdate(
                UpdateKind.LEAVE, ManagedObjectReference("VirtualMachine", "vm-65"), {}, ()
            )
        ]

    def test_a_filter_may_occur_several_times_in_the_order_of_what_happened(self) -> None:
        """Tasks and domains come interleaved."""
        page = update_set_of(answers.recorded("suspend-with-tasks"))

        told = [
            (update.obj.type, value.state if isinstance(value, TaskInfo) else value)
            for property_filter in page.filters
            for update in property_filter.objects
            for value in update.changes.values()
        ]
        assert ("VirtualMachine", "suspended") in told
        assert ("Task", TaskState.SUCCESS) in told
        assert len({property_filter.filter for property_filter in page.filters}) == 2
        assert len(page.filters) > 2

    def test_a_page_of_a_retrieval_has_the_token_of_the_next(self) -> None:
        """Unset properties are left out of it."""
        page = retrieve_properties_ex(COLLECTOR, (), max_objects=1).parse(
            answers.recorded("page-of-retrieval")
        )
        [content] = page.objects
        assert page.token
        assert content.obj == ManagedObjectReference("VirtualMachine", "vm-62")
        assert content.properties["runtime.powerState"] == "poweredOn"
        assert "runtime.bootTime" not in content.properties

    def test_a_failed_task_says_why(self) -> None:
        """Here: a domain that was off was powered off."""
        [content] = (
            retrieve_properties_ex(COLLECTOR, (), max_objects=1)
            .parse(answers.recorded("failed-task"))
            .objects
        )
        info = content.properties["info"]
        assert isinstance(info, TaskInfo)
        assert (info.state, info.description_id) == (TaskState.ERROR, "VirtualMachine.powerOff")
        assert info.error is not None
        assert info.error.startswith("InvalidPowerState: ")

    def test_structures_without_a_type_of_ours_do_not_cost_the_rest(self) -> None:
        """Devices and files are Unparsed, name and networks are read."""
        [content] = (
            retrieve_properties_ex(COLLECTOR, (), max_objects=1)
            .parse(answers.recorded("structures"))
            .objects
        )
        kinds = {name: type(value) for name, value in content.properties.items()}
        assert kinds == {
            "name": str,
            "network": tuple,
            "config.files": Unparsed,
            "config.hardware.device": Unparsed,
        }


class TestUpdateSets:
    """The parts around the objects."""

    def test_an_update_set_without_version_is_not_acceptable(self) -> None:
        """Nothing could be asked for after it."""
        for content in ("", "<version/>", "<filterSet/>"):
            with pytest.raises(NotAcceptable, match="has no version"):
                parse_update_set(answers.element_of(f"<u>{content}</u>"))

    @pytest.mark.parametrize(
        ("content", "truncated"),
        [
            ("<truncated>true</truncated>", True),
            ("<truncated>1</truncated>", True),
            ("<truncated>false</truncated>", False),
            ("<truncated/>", False),
            ("", False),
        ],
    )
    def test_a_truncated_update_set_says_so(self, content: str, truncated: bool) -> None:
        """Hosts older than 4.1 do not know the word: their sets are complete."""
        assert update_set(content).truncated is truncated

    def test_parts_of_a_later_version_are_passed_over(self) -> None:
        """The API only adds."""
        assert update_set("<novelty>1</novelty>") == UpdateSet("1", [], False)

    def test_a_filter_without_reference_still_brings_its_objects(self) -> None:
        """Which filter told of an object matters less than what was told."""
        for reference in ("", "<filter/>", "<filter>f</filter>"):
            [property_filter] = update_set(
                f"<filterSet>{reference}{object_update(POWERED_OFF)}</filterSet>"
            ).filters
            assert property_filter.filter == ManagedObjectReference("", "")
            assert property_filter.objects[0].changes == IS_OFF


class TestOddObjects:
    """One odd object does not cost the others."""

    @pytest.mark.parametrize(
        "odd",
        [
            "<objectSet/>",
            "<objectSet><kind>modify</kind></objectSet>",
            "<objectSet><kind>modify</kind><obj/></objectSet>",
            '<objectSet><kind>warp</kind><obj type="VirtualMachine">vm-1</obj></objectSet>',
            '<objectSet><obj type="VirtualMachine">vm-1</obj><x/></objectSet>',
            "<missingSet><obj/><fault/></missingSet>",
            "<garbage>1</garbage>",
        ],
    )
    def test_what_is_no_object_update_is_kept_apart(self, odd: str) -> None:
        """Nobody can act on it, but it can be logged; those around it are read."""
        read = updates(object_update(POWERED_OFF), odd, object_update(POWERED_OFF))

        assert [update.changes for update in read.filters[0].objects] == [IS_OFF, IS_OFF]
        [unparsed] = read.unparsed
        assert unparsed.xml.startswith(odd[:4].encode())

    @pytest.mark.parametrize(
        "parts",
        [
            ("<new/>", "<kind>modify</kind>", '<obj type="VirtualMachine">vm-42</obj>'),
            ("<kind>modify</kind>", "<new/>", '<obj type="VirtualMachine">vm-42</obj>'),
            ('<obj type="VirtualMachine">vm-42</obj>', "<kind>modify</kind>", "<new/>"),
        ],
    )
    def test_an_object_update_in_another_order_is_read_by_names(self, parts: tuple[str]) -> None:
        """The order is the WSDL's and all hosts keep to it; but the names have the last word."""
        [property_filter] = updates(f"<objectSet>{''.join(parts)}{POWERED_OFF}</objectSet>").filters
        [update] = property_filter.objects
        assert (update.kind, update.obj) == (UpdateKind.MODIFY, DOMAIN)
        assert update.changes.items() >= IS_OFF.items()


class TestOddProperties:
    """One odd property does not cost the others, and never says that something is unset."""

    @pytest.mark.parametrize(
        ("change", "name", "value"),
        [
            (
                "<changeSet><new/><name>a</name><op>assign</op><val>1</val></changeSet>",
                "a",
                "1",
            ),
            ("<changeSet><op>assign</op><name>a</name><val>1</val></changeSet>", "a", "1"),
            ("<changeSet><name>a</name><val>1</val></changeSet>", "a", "1"),
            ("<changeSet><name>a</name><op>warp</op><val>1</val></changeSet>", "a", "1"),
            (
                "<changeSet><name>a</name><op>assign</op><val>1</val><new/></changeSet>",
                "a",
                "1",
            ),
        ],
    )
    def test_a_change_in_another_order_is_read_by_names(
        self, change: str, name: str, value: PropertyValue
    ) -> None:
        """As an object update is."""
        assert changes_of(change, POWERED_OFF) == {name: value} | IS_OFF

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ("<changeSet/>", ""),
            ("<changeSet>text</changeSet>", ""),
            ("<changeSet><name>a</name></changeSet>", "a"),
            ("<changeSet><name>a</name><op>warp</op></changeSet>", "a"),
            ("<changeSet><name/><op>assign</op></changeSet>", ""),
            ("<garbage>1</garbage>", ""),
        ],
    )
    def test_a_change_that_tells_no_value_is_unparsed_and_not_unset(
        self, change: str, name: str
    ) -> None:
        """To take it for unset would make an event that nothing has caused."""
        read = changes_of(change, POWERED_OFF)
        assert isinstance(read[name], Unparsed)
        assert read == {name: read[name]} | IS_OFF

    @pytest.mark.parametrize("op", ["assign", "add", "remove", "indirectRemove"])
    def test_every_op_of_the_api_without_a_value_tells_that_it_is_unset(self, op: str) -> None:
        """The property, or what contains it: ``indirectRemove`` (VI API reference)."""
        change = f"<changeSet><name>a</name><op>{op}</op></changeSet>"
        assert changes_of(change) == {"a": None}

    def test_a_property_that_the_host_does_not_tell_is_missing_with_its_fault(self) -> None:
        """For instance because the user may not see it."""
        missing = (
            '<missingSet><path>config.uuid</path><fault><fault xsi:type="NoPermission"/>'
            "<localizedMessage>No.</localizedMessage></fault></missingSet><missingSet/>"
        )
        [property_filter] = updates(object_update(POWERED_OFF, missing)).filters
        [update] = property_filter.objects
        assert update.changes == IS_OFF
        assert update.missing == (
            MissingProperty("config.uuid", "NoPermission"),
            MissingProperty("", ""),
        )


class TestObjectContents:
    """What a retrieval brings."""

    def test_an_object_content_has_what_is_set_and_what_is_missing(self) -> None:
        """In any order, with parts of later versions passed over."""
        content = parse_object_content(
            answers.element_of(
                "<objects><propSet><name>name</name><val>web01</val></propSet><new/>"
                '<missingSet><path>config</path><fault><fault xsi:type="SystemError"/></fault>'
                '</missingSet><obj type="VirtualMachine">vm-42</obj></objects>'
            )
        )
        assert content is not None
        assert content.obj == DOMAIN
        assert content.properties == {"name": "web01"}
        assert content.missing == (MissingProperty("config", "SystemError"),)

    def test_a_property_without_value_or_name_is_left_out(self) -> None:
        """It does not say anything; the others do."""
        content = parse_object_content(
            answers.element_of(
                '<objects><obj type="VirtualMachine">vm-42</obj><propSet><name>a</name></propSet>'
                "<propSet><val>1</val></propSet>"
                "<propSet><name>name</name><val>web01</val></propSet></objects>"
            )
        )
        assert content is not None
        assert content.properties == {"name": "web01"}

    def test_what_names_no_object_is_none(self) -> None:
        """Nobody can have asked for it."""
        for content in ("<objects/>", "<objects><obj/></objects>"):
            assert parse_object_content(answers.element_of(content)) is None


class TestSpecs:
    """The order of the parts is the WSDL's; hosts refuse any other."""

    def test_a_spec_is_written_in_the_order_of_the_wsdl(self) -> None:
        """Only a way may be of several types, so only it names its type."""
        spec = PropertyFilterSpec(
            (PropertySpec("VirtualMachine", ("name", "runtime.host")),),
            (ObjectSpec(DOMAIN, skip=True, select=(TraversalSpec("View", "view", skip=True),)),),
        )
        assert spec.to_xml("spec") == (
            "<spec>"
            "<propSet><type>VirtualMachine</type><all>false</all>"
            "<pathSet>name</pathSet><pathSet>runtime.host</pathSet></propSet>"
            '<objectSet><obj type="VirtualMachine">vm-42</obj><skip>true</skip>'
            '<selectSet xsi:type="TraversalSpec"><type>View</type><path>view</path>'
            "<skip>true</skip></selectSet></objectSet>"
            "</spec>"
        )

    def test_by_default_nothing_is_passed_through(self) -> None:
        """An object that is named is told of."""
        assert "<skip>false</skip>" in ObjectSpec(DOMAIN).to_xml("x")
        assert "<skip>false</skip>" in TraversalSpec("a", "b").to_xml("x")


Edit = Callable[[list[etree._Element], int, int], None]


def remove(nodes: list[etree._Element], which: int, _other: int) -> None:
    node = nodes[which % len(nodes)]
    if (parent := node.getparent()) is not None:
        parent.remove(node)


def move(nodes: list[etree._Element], which: int, other: int) -> None:
    node, target = nodes[which % len(nodes)], nodes[other % len(nodes)]
    if node not in (target, *target.iterancestors()):
        target.append(node)


def rename(nodes: list[etree._Element], which: int, other: int) -> None:
    nodes[which % len(nodes)].tag = nodes[other % len(nodes)].tag


def reword(nodes: list[etree._Element], which: int, other: int) -> None:
    nodes[which % len(nodes)].text = nodes[other % len(nodes)].text


def retype(nodes: list[etree._Element], which: int, other: int) -> None:
    node, attributes = nodes[which % len(nodes)], dict(nodes[other % len(nodes)].attrib)
    node.attrib.clear()
    node.attrib.update(attributes)


EDITS = st.lists(
    st.tuples(
        st.sampled_from([remove, move, rename, reword, retype]),
        st.integers(0, 500),
        st.integers(0, 500),
    ),
    min_size=1,
    max_size=8,
)


@given(EDITS)
def test_whatever_is_wrong_with_one_object_the_next_is_read_as_ever(
    edits: list[tuple[Edit, int, int]],
) -> None:
    """Parts that are missing, moved, renamed or of another type cost their object at most."""
    page = etree.fromstring(answers.recorded("first-page"))
    [first, _second] = page.iter("{urn:vim25}objectSet")
    for edit, which, other in edits:
        edit([*first.iterdescendants()] or [first], which, other)

    read = update_set_of(etree.tostring(page))

    assert read.filters[0].objects[-1] == UNEDITED
    assert len(read.filters[0].objects) + len(read.unparsed) == 2


UNEDITED = update_set_of(answers.recorded("first-page")).filters[0].objects[-1]

PAGES = ["first-page", "question", "suspend-with-tasks", "unregistered"]


@given(st.sampled_from(PAGES), EDITS)
def test_no_edit_of_an_update_set_raises_anything_but_malformed_answer(
    name: str, edits: list[tuple[Edit, int, int]]
) -> None:
    """The errors of a host are its own, and never ours."""
    page = etree.fromstring(answers.recorded(name))
    for edit, which, other in edits:
        edit(list(page.iter()), which, other)
    with suppress(MalformedAnswer):
        WAIT.parse(etree.tostring(page))
