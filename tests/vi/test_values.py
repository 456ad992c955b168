"""Values of properties: simple ones, references, arrays, questions, tasks, and the unknown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from eventd.vi.structures import parse_reference
from eventd.vi.types import (
    ManagedObjectReference,
    PropertyValue,
    QuestionChoice,
    QuestionInfo,
    TaskInfo,
    TaskReason,
    TaskState,
    Unparsed,
)
from eventd.vi.values import parse_value
from tests.vi.answers import element_of

QUESTION = """
    <id>25</id>
    <text>msg.serial.file.open:Replace or append?</text>
    <choice>
        <choiceInfo xsi:type="ElementDescription">
            <label>Replace</label><summary>Replace</summary><key>0</key>
        </choiceInfo>
        <choiceInfo xsi:type="ElementDescription">
            <label>Append</label><summary>Append</summary><key>1</key>
        </choiceInfo>
        <defaultIndex>1</defaultIndex>
    </choice>
    <message><id>msg.serial.file.open</id><text>Replace or append?</text></message>
"""

TASK = """
    <key>haTask-42-vim.VirtualMachine.powerOn-7</key>
    <task type="Task">haTask-42-vim.VirtualMachine.powerOn-7</task>
    <name>PowerOnVM_Task</name>
    <descriptionId>VirtualMachine.powerOn</descriptionId>
    <entity type="VirtualMachine">42</entity>
    <entityName>web01</entityName>
    <state>running</state>
    <cancelled>false</cancelled>
    <cancelable>true</cancelable>
    <progress>5</progress>
    <reason xsi:type="TaskReasonUser"><userName>root</userName></reason>
    <queueTime>2024-02-29T12:00:00.5Z</queueTime>
    <startTime>2024-02-29T12:00:01Z</startTime>
    <eventChainId>11</eventChainId>
"""


def value_of(content: str, *, type: str, attributes: str = "") -> PropertyValue:  # noqa: A002
    """Read a property's value as it stands in a change."""
    return parse_value(element_of(f'<val xsi:type="{type}" {attributes}>{content}</val>'))


def question(content: str) -> PropertyValue:
    return value_of(content, type="VirtualMachineQuestionInfo")


def task(content: str) -> TaskInfo:
    value = value_of(content, type="TaskInfo")
    assert isinstance(value, TaskInfo)
    return value


class TestSimpleValues:
    """What has no parts."""

    @pytest.mark.parametrize(
        ("type", "text"),
        [
            ("xsd:string", "web01"),
            ("xsd:string", " with  spaces "),
            ("xsd:boolean", "false"),
            ("xsd:int", "0"),
            ("VirtualMachinePowerState", "poweredOn"),
            ("SomeEnumerationOfTheFuture", "warp"),
            ("xs:string", "web01"),
        ],
    )
    def test_a_simple_value_is_the_text_of_the_host(self, type: str, text: str) -> None:  # noqa: A002
        """Its meaning is the reader's: an unknown word of an enumeration breaks nothing."""
        assert value_of(text, type=type) == text

    @pytest.mark.parametrize("type", ["xsd:string", "", "Unknown"])
    def test_an_empty_simple_value_is_the_empty_text(self, type: str) -> None:  # noqa: A002
        """Empty is not unset: an unset property has no value at all."""
        assert value_of("", type=type) == ""

    def test_a_value_without_type_is_its_text(self) -> None:
        """Every host writes the type; the text would be good without it."""
        assert parse_value(element_of("<val>web01</val>")) == "web01"


class TestReferences:
    """Managed object references, alone and in values."""

    def test_a_reference_has_the_type_of_its_object_in_an_attribute(self) -> None:
        """It has no namespace, unlike the ``xsi:type`` beside it."""
        value = element_of('<x type="HostSystem" xsi:type="ManagedObjectReference">host-21</x>')
        assert parse_reference(value) == ManagedObjectReference("HostSystem", "host-21")

    def test_a_property_that_is_a_reference_is_the_value_of_the_reference(self) -> None:
        """As in an array: which property it is tells what it refers to."""
        attributes = 'type="HostSystem"'
        assert value_of("host-21", type="ManagedObjectReference", attributes=attributes) == (
            "host-21"
        )

    def test_an_empty_reference_is_unparsed(self) -> None:
        """There is no object without a value."""
        value = value_of("", type="ManagedObjectReference", attributes='type="HostSystem"')
        assert isinstance(value, Unparsed)

    @pytest.mark.parametrize("xml", ["<x>vm-1</x>", '<x type="Y"/>', '<x type="">vm-1</x>', "<x/>"])
    def test_half_a_reference_is_none(self, xml: str) -> None:
        """Type and value belong together."""
        assert parse_reference(element_of(xml)) is None


class TestArrays:
    """``ArrayOf…``; the children have the name of their type."""

    @pytest.mark.parametrize(
        "child",
        [
            '<ManagedObjectReference type="Task" xsi:type="ManagedObjectReference">{}',
            '<ManagedObjectReference type="Task">{}',
        ],
    )
    def test_an_array_is_the_texts_of_its_members(self, child: str) -> None:
        """vcsim leaves out the types of members, which real hosts write."""
        members = "".join(
            child.format(value) + "</ManagedObjectReference>" for value in ("task-1", "task-2")
        )
        assert value_of(members, type="ArrayOfManagedObjectReference") == ("task-1", "task-2")

    def test_an_empty_array_is_an_empty_tuple(self) -> None:
        """As the recent tasks of an idle domain are."""
        assert value_of("", type="ArrayOfManagedObjectReference") == ()

    def test_an_array_of_structures_is_unparsed(self) -> None:
        """Texts would be lost."""
        value = value_of("<X><a>1</a></X><X/>", type="ArrayOfX")
        assert isinstance(value, Unparsed)
        assert value.type == "ArrayOfX"


class TestQuestions:
    """``VirtualMachineQuestionInfo``."""

    def test_a_question_has_its_choices_in_order_and_its_default(self) -> None:
        """The default is an index into the choices; what is sent as an answer is a key."""
        assert question(QUESTION) == QuestionInfo(
            "25",
            "msg.serial.file.open:Replace or append?",
            (QuestionChoice("0", "Replace"), QuestionChoice("1", "Append")),
            1,
            ("msg.serial.file.open",),
        )

    @pytest.mark.parametrize(
        ("text", "messages", "ids"),
        [
            ("msg.hbacommon.outofspace:There is no space.", "", ("msg.hbacommon.outofspace",)),
            (
                "There is no space.",
                "<message><id>msg.hbacommon.outofspace</id></message><message><id>vob.x</id>"
                "</message><message/>",
                ("msg.hbacommon.outofspace", "vob.x"),
            ),
            ("message: msg.x.y:z", "", ()),
            ("msg.:z", "", ()),
        ],
    )
    def test_messages_are_known_by_their_ids(
        self, text: str, messages: str, ids: tuple[str, ...]
    ) -> None:
        """Before 2.5 the id stands only before the text; later hosts may do both."""
        value = question(f"<id>1</id><text>{text}</text>{messages}")
        assert isinstance(value, QuestionInfo)
        assert value.message_ids == ids

    @pytest.mark.parametrize(
        "default", ["", "<defaultIndex/>", "<defaultIndex>first</defaultIndex>"]
    )
    def test_a_question_may_have_no_default(self, default: str) -> None:
        """Then nobody answers it but a person."""
        value = question(QUESTION.replace("<defaultIndex>1</defaultIndex>", default))
        assert isinstance(value, QuestionInfo)
        assert value.default_index is None

    def test_a_question_without_choices_is_still_a_question(self) -> None:
        """It blocks the domain all the same."""
        assert question("<id>25</id>") == QuestionInfo("25", "", (), None)

    def test_a_choice_without_its_parts_has_empty_ones(self) -> None:
        """The others keep their places, which the default counts on."""
        value = question("<id>25</id><choice><choiceInfo/></choice>")
        assert isinstance(value, QuestionInfo)
        assert value.choices == (QuestionChoice("", ""),)

    @pytest.mark.parametrize("content", ["", "<text>Why?</text>", "<id/>"])
    def test_a_question_without_id_is_unparsed(self, content: str) -> None:
        """It could not be answered."""
        assert isinstance(question(content), Unparsed)


class TestTasks:
    """``TaskInfo``."""

    def test_a_task_info_has_all_that_eventd_asks_of_it(self) -> None:
        """As a bare ESX host writes it."""
        name = "haTask-42-vim.VirtualMachine.powerOn-7"
        assert task(TASK) == TaskInfo(
            key=name,
            task=ManagedObjectReference("Task", name),
            description_id="VirtualMachine.powerOn",
            name="PowerOnVM_Task",
            entity=ManagedObjectReference("VirtualMachine", "42"),
            state=TaskState.RUNNING,
            cancelled=False,
            cancelable=True,
            error=None,
            reason=TaskReason("user", "root"),
            queue_time=datetime(2024, 2, 29, 12, 0, 0, 500_000, tzinfo=UTC),
            start_time=datetime(2024, 2, 29, 12, 0, 1, tzinfo=UTC),
            complete_time=None,
            event_chain_id=11,
            progress=5,
        )

    def test_a_task_info_needs_no_more_than_key_task_and_state(self) -> None:
        """What is not told is None, empty or False."""
        assert task('<key>1</key><task type="Task">1</task><state>queued</state>') == TaskInfo(
            key="1",
            task=ManagedObjectReference("Task", "1"),
            description_id="",
            name=None,
            entity=None,
            state=TaskState.QUEUED,
            cancelled=False,
            cancelable=False,
            error=None,
            reason=None,
            queue_time=None,
            start_time=None,
            complete_time=None,
            event_chain_id=None,
        )

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("<key>haTask-42-vim.VirtualMachine.powerOn-7</key>", ""),
            ('<task type="Task">', "<task>"),
            ('<task type="Task">haTask-42-vim.VirtualMachine.powerOn-7</task>', ""),
            ("<state>running</state>", "<state>warp</state>"),
            ("<state>running</state>", ""),
        ],
    )
    def test_a_task_info_without_one_of_them_is_unparsed(self, old: str, new: str) -> None:
        """Nothing could be told from it."""
        assert old in TASK
        assert isinstance(value_of(TASK.replace(old, new), type="TaskInfo"), Unparsed)

    @pytest.mark.parametrize(
        ("error", "sentence"),
        [
            (
                '<fault xsi:type="InvalidPowerState"/><localizedMessage>Later.</localizedMessage>',
                "InvalidPowerState: Later.",
            ),
            ('<fault xsi:type="InvalidPowerState"/>', "InvalidPowerState"),
            ("<localizedMessage>Not\nnow.</localizedMessage>", "Not now."),
            ("", ""),
        ],
    )
    def test_the_error_of_a_task_is_its_fault_and_its_message(
        self, error: str, sentence: str
    ) -> None:
        """A failed task says why in both."""
        assert task(f"{TASK}<error>{error}</error>").error == sentence

    @pytest.mark.parametrize(
        ("type", "content", "reason"),
        [
            ("TaskReasonUser", "<userName>a\\b</userName>", TaskReason("user", "a\\b")),
            ("TaskReasonAlarm", "<alarmName>cpu</alarmName>", TaskReason("alarm", "cpu")),
            ("TaskReasonSchedule", "<name>nightly</name>", TaskReason("schedule", "nightly")),
            ("TaskReasonSystem", "", TaskReason("system", None)),
            ("TaskReasonUser", "", TaskReason("user", None)),
            ("TaskReasonOfTheFuture", "<name>x</name>", None),
        ],
    )
    def test_the_reason_of_a_task_is_who_or_what_started_it(
        self,
        type: str,  # noqa: A002
        content: str,
        reason: TaskReason | None,
    ) -> None:
        """The class of the reason tells which; the name is in another part of each."""
        before = '<reason xsi:type="TaskReasonUser"><userName>root</userName></reason>'
        after = f'<reason xsi:type="{type}">{content}</reason>'
        assert task(TASK.replace(before, after)).reason == reason


class TestUnparsed:
    """Structures that eventd has no type for."""

    def test_an_unknown_structure_keeps_its_type_and_its_beginning(self) -> None:
        """Enough to see what it is, and not more."""
        value = value_of("<vmPathName>[ds] a</vmPathName>tail", type="VirtualMachineFileInfo")
        assert isinstance(value, Unparsed)
        assert value.type == "VirtualMachineFileInfo"
        assert value.xml.startswith(b"<val ")
        assert value.xml.endswith(b"tail</val>")

    def test_a_long_structure_is_cut(self) -> None:
        """A snapshot tree may be as long as it likes."""
        value = value_of("<a>1</a>" * 10_000, type="Long")
        assert isinstance(value, Unparsed)
        assert len(value.xml) == 4096
