"""The VI methods: what is sent, and what is made of the answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventd.errors import Fault, InvalidArgument, MalformedAnswer, SessionExpired
from eventd.vi import calls
from eventd.vi.calls import SERVICE_INSTANCE, Call, Page
from eventd.vi.property_collector import ObjectSpec, PropertyFilterSpec, PropertySpec
from eventd.vi.soap import Node, SoapRequest, parse_request
from eventd.vi.types import (
    About,
    ManagedObjectReference,
    ObjectContent,
    UpdateSet,
    UserSession,
)
from eventd.vi.versions import ApiVersion
from eventd.vi.xml import local_name, parse
from tests.vi.answers import answer, fault, recorded
from tests.vi.documents import ATTACKS, TEXTS

COLLECTOR = ManagedObjectReference("PropertyCollector", "propertyCollector")
SESSION_MANAGER = ManagedObjectReference("SessionManager", "SessionManager")
VIEW_MANAGER = ManagedObjectReference("ViewManager", "ViewManager")
ROOT = ManagedObjectReference("Folder", "group-d1")
VIEW = ManagedObjectReference("ContainerView", "session[5]view")
LIST = ManagedObjectReference("ListView", "session[5]list")
TASK, OTHER_TASK = (ManagedObjectReference("Task", f"task-{number}") for number in (1, 2))
FILTER = ManagedObjectReference("PropertyFilter", "session[5]filter")
EVENT_MANAGER = ManagedObjectReference("EventManager", "EventManager")
HISTORY = ManagedObjectReference("EventHistoryCollector", "session[5]history")
NOON = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
NEWEST = ApiVersion.parse("9.1.0.0")
DOMAIN = ManagedObjectReference("VirtualMachine", "vm-42")
SPEC = PropertyFilterSpec((PropertySpec("VirtualMachine", ("name",)),), (ObjectSpec(DOMAIN),))

EVERY_CALL: tuple[Call[object], ...] = (
    calls.retrieve_service_content(),
    calls.current_time(),
    calls.login(SESSION_MANAGER, user_name="root", password="secret"),
    calls.logout(SESSION_MANAGER),
    calls.current_session(COLLECTOR, SESSION_MANAGER),
    calls.create_container_view(VIEW_MANAGER, ROOT, ["VirtualMachine"]),
    calls.create_list_view(VIEW_MANAGER),
    calls.modify_list_view(LIST, add=[TASK]),
    calls.destroy_view(VIEW),
    calls.create_property_collector(COLLECTOR),
    calls.destroy_property_collector(COLLECTOR),
    calls.create_filter(COLLECTOR, SPEC),
    calls.destroy_property_filter(FILTER),
    calls.wait_for_updates_ex(COLLECTOR, version="", max_wait_seconds=1, max_object_updates=100),
    calls.wait_for_updates(COLLECTOR, version=""),
    calls.cancel_wait_for_updates(COLLECTOR),
    calls.retrieve_properties_ex(COLLECTOR, [SPEC], max_objects=100),
    calls.continue_retrieve_properties_ex(COLLECTOR, token="1"),
    calls.retrieve_properties(COLLECTOR, [SPEC]),
    calls.create_collector_for_events(
        EVENT_MANAGER, types=["VmPoweredOnEvent"], begin=NOON, version=NEWEST
    ),
    calls.set_collector_page_size(HISTORY, size=1),
    calls.read_next_events(HISTORY, max_count=100),
    calls.destroy_collector(HISTORY),
    calls.power_on(DOMAIN),
    calls.power_off(DOMAIN),
    calls.suspend(DOMAIN),
    calls.reset(DOMAIN),
    calls.shutdown_guest(DOMAIN),
    calls.reboot_guest(DOMAIN),
    calls.answer_vm(DOMAIN, question_id="25", choice="1"),
    calls.cancel_task(TASK),
)

every_call = pytest.mark.parametrize("call", EVERY_CALL, ids=[call.method for call in EVERY_CALL])


def flat(node: Node) -> tuple[object, ...]:
    """Write an argument as nested tuples: name, then reference, text or children."""
    if node.children:
        return (node.tag, *(flat(child) for child in node.children))
    return (node.tag, node.reference if "type" in node.attributes else node.text)


def arguments(call: Call[object]) -> list[tuple[object, ...]]:
    """Return the arguments that a host reads from a call's request."""
    [_this, *others] = parse_request(call.body).call.children
    return [flat(other) for other in others]


class TestRequests:
    """What a host gets."""

    @every_call
    def test_a_request_calls_the_method_that_the_call_names(self, call: Call[object]) -> None:
        """So that an answer to something else can be told."""
        assert parse_request(call.body).method == call.method

    def test_the_service_instance_is_called_by_its_well_known_name(self) -> None:
        """Every other reference comes from its content."""
        for call in (calls.retrieve_service_content(), calls.current_time()):
            request = parse_request(call.body)
            assert request.this == SERVICE_INSTANCE
            assert len(request.call.children) == 1

    @pytest.mark.parametrize(
        ("call", "this"),
        [
            (calls.logout(SESSION_MANAGER), SESSION_MANAGER),
            (calls.destroy_view(VIEW), VIEW),
            (calls.create_property_collector(COLLECTOR), COLLECTOR),
            (calls.destroy_property_collector(COLLECTOR), COLLECTOR),
            (calls.destroy_property_filter(FILTER), FILTER),
            (calls.cancel_wait_for_updates(COLLECTOR), COLLECTOR),
            (calls.destroy_collector(HISTORY), HISTORY),
            (calls.power_on(DOMAIN), DOMAIN),
            (calls.power_off(DOMAIN), DOMAIN),
            (calls.suspend(DOMAIN), DOMAIN),
            (calls.reset(DOMAIN), DOMAIN),
            (calls.shutdown_guest(DOMAIN), DOMAIN),
            (calls.reboot_guest(DOMAIN), DOMAIN),
            (calls.cancel_task(TASK), TASK),
        ],
    )
    def test_calls_without_arguments_name_their_object_only(
        self, call: Call[object], this: ManagedObjectReference
    ) -> None:
        """The object is the whole of what they say."""
        assert parse_request(call.body).this == this
        assert arguments(call) == []

    def test_a_login_carries_name_and_password(self) -> None:
        """Both are escaped: libvirt's driver sends the user name raw."""
        call = calls.login(SESSION_MANAGER, user_name="a&b\\<c>", password="p&<w>\"'")
        assert arguments(call) == [("userName", "a&b\\<c>"), ("password", "p&<w>\"'")]

    def test_a_password_is_not_shown(self) -> None:
        """A call may be in a traceback or a log."""
        call = calls.login(SESSION_MANAGER, user_name="root", password="hunter2")
        assert repr(call) == "Call(method='Login')"

    def test_a_password_that_cannot_be_sent_is_refused_without_showing_it(self) -> None:
        """Another tool may have put a control character into the file."""
        with pytest.raises(InvalidArgument) as caught:
            calls.login(SESSION_MANAGER, user_name="root", password="hunter2\x07")
        assert "hunter2" not in str(caught.value)

    def test_the_current_session_is_read_as_a_property(self) -> None:
        """As libvirt's driver does: ``SessionIsActive`` needs a privilege on vCenter."""
        assert arguments(calls.current_session(COLLECTOR, SESSION_MANAGER)) == [
            (
                "specSet",
                (
                    "propSet",
                    ("type", "SessionManager"),
                    ("all", "false"),
                    ("pathSet", "currentSession"),
                ),
                ("objectSet", ("obj", SESSION_MANAGER), ("skip", "false")),
            )
        ]

    @pytest.mark.parametrize(("recursive", "word"), [(True, "true"), (False, "false")])
    def test_a_container_view_is_of_types_below_a_container(
        self, recursive: bool, word: str
    ) -> None:
        """The order is the WSDL's."""
        call = calls.create_container_view(VIEW_MANAGER, ROOT, ["A", "B"], recursive=recursive)
        assert arguments(call) == [
            ("container", ROOT),
            ("type", "A"),
            ("type", "B"),
            ("recursive", word),
        ]

    def test_a_list_view_is_of_the_objects_that_are_named(self) -> None:
        """Of none, at first: they are unlike each other and come one by one."""
        call = calls.create_list_view(VIEW_MANAGER, [TASK, DOMAIN])
        assert parse_request(call.body).this == VIEW_MANAGER
        assert arguments(call) == [("obj", TASK), ("obj", DOMAIN)]
        assert arguments(calls.create_list_view(VIEW_MANAGER)) == []

    def test_a_list_view_takes_objects_in_and_lets_others_go(self) -> None:
        """The order is the WSDL's: first all that come, then all that go."""
        call = calls.modify_list_view(LIST, add=[TASK, DOMAIN], remove=[OTHER_TASK])
        assert parse_request(call.body).this == LIST
        assert arguments(call) == [("add", TASK), ("add", DOMAIN), ("remove", OTHER_TASK)]
        assert arguments(calls.modify_list_view(LIST, remove=[TASK])) == [("remove", TASK)]
        assert arguments(calls.modify_list_view(LIST)) == []

    @pytest.mark.parametrize(
        ("call", "method"),
        [
            (calls.power_on(DOMAIN), "PowerOnVM_Task"),
            (calls.power_off(DOMAIN), "PowerOffVM_Task"),
            (calls.suspend(DOMAIN), "SuspendVM_Task"),
            (calls.reset(DOMAIN), "ResetVM_Task"),
            (calls.shutdown_guest(DOMAIN), "ShutdownGuest"),
            (calls.reboot_guest(DOMAIN), "RebootGuest"),
            (calls.cancel_task(TASK), "CancelTask"),
        ],
    )
    def test_each_operation_has_its_method(self, call: Call[object], method: str) -> None:
        """A start that is sent as a stop would be done as one."""
        assert parse_request(call.body).method == method

    def test_an_answer_names_the_question_and_the_choice(self) -> None:
        """Both are the host's own words, and arrive as they were, whatever is in them."""
        call = calls.answer_vm(DOMAIN, question_id="<25>&'\"", choice="]]>&amp;")
        assert parse_request(call.body).this == DOMAIN
        assert arguments(call) == [("questionId", "<25>&'\""), ("answerChoice", "]]>&amp;")]

    @pytest.mark.pyvmomi
    @pytest.mark.parametrize(
        ("method", "call"),
        [
            ("CreateListView", calls.create_list_view(VIEW_MANAGER, [TASK])),
            ("ModifyListView", calls.modify_list_view(LIST, add=[TASK], remove=[TASK])),
            ("AnswerVM", calls.answer_vm(DOMAIN, question_id="25", choice="1")),
        ],
    )
    def test_arguments_are_in_the_order_that_pyvmomi_knows(
        self, method: str, call: Call[object]
    ) -> None:
        """VMware's own client is the judge."""
        from pyVmomi import vim

        owners: Any = {
            "CreateListView": vim.view.ViewManager,
            "ModifyListView": vim.view.ListView,
            "AnswerVM": vim.VirtualMachine,
        }
        [info] = [info for info in owners[method]._methodInfo.values() if info.wsdlName == method]
        assert [part[0] for part in arguments(call)] == [part.name for part in info.params]

    @pytest.mark.parametrize(("partial_updates", "word"), [(True, "true"), (False, "false")])
    def test_a_filter_is_a_spec_and_whether_updates_may_be_partial(
        self, partial_updates: bool, word: str
    ) -> None:
        """The spec is written as a retrieval writes it, under another name."""
        spec, partial = arguments(
            calls.create_filter(COLLECTOR, SPEC, partial_updates=partial_updates)
        )
        [retrieved] = arguments(calls.retrieve_properties(COLLECTOR, [SPEC]))
        assert spec == ("spec", *retrieved[1:])
        assert partial == ("partialUpdates", word)

    def test_updates_are_whole_unless_asked_for_otherwise(self) -> None:
        """A task info in parts would be none."""
        assert arguments(calls.create_filter(COLLECTOR, SPEC))[1] == ("partialUpdates", "false")

    def test_a_wait_names_its_version_and_its_limits(self) -> None:
        """The empty version is sent too: it stands before everything."""
        call = calls.wait_for_updates_ex(
            COLLECTOR, version="", max_wait_seconds=60, max_object_updates=100
        )
        assert arguments(call) == [
            ("version", ""),
            ("options", ("maxWaitSeconds", "60"), ("maxObjectUpdates", "100")),
        ]
        assert arguments(calls.wait_for_updates(COLLECTOR, version="7")) == [("version", "7")]

    def test_a_retrieval_names_its_specs_and_the_size_of_its_pages(self) -> None:
        """The next page is asked for by the token of the one before."""
        *specs, options = arguments(
            calls.retrieve_properties_ex(COLLECTOR, [SPEC, SPEC], max_objects=5)
        )
        assert [spec[0] for spec in specs] == ["specSet", "specSet"]
        assert options == ("options", ("maxObjects", "5"))
        assert arguments(calls.continue_retrieve_properties_ex(COLLECTOR, token="<1>")) == [
            ("token", "<1>")
        ]

    @given(TEXTS, TEXTS, st.builds(ManagedObjectReference, TEXTS.filter(bool), TEXTS))
    def test_no_argument_can_become_markup(
        self, user_name: str, password: str, session_manager: ManagedObjectReference
    ) -> None:
        """Names and references are foreign text, and arrive as they were."""
        call = calls.login(session_manager, user_name=user_name, password=password)

        request: SoapRequest = parse_request(call.body)

        assert request.this == session_manager
        assert [(node.tag, node.text) for node in request.call.children[1:]] == [
            ("userName", user_name),
            ("password", password),
        ]


class TestAnswers:
    """What is made of what a host says."""

    @every_call
    def test_a_fault_is_raised_whatever_the_call(self, call: Call[object]) -> None:
        """It carries the method's name; the status that it came with is of no interest."""
        with pytest.raises(Fault) as caught:
            call.parse(fault("NoPermission"))
        assert (caught.value.method, caught.value.name) == (call.method, "NoPermission")
        with pytest.raises(SessionExpired):
            call.parse(fault("NotAuthenticated"))

    @every_call
    def test_a_hostile_answer_is_malformed_whatever_the_call(self, call: Call[object]) -> None:
        """There is one parser for all of them."""
        for document in (b"", ATTACKS["document type"], ATTACKS["truncated"], answer("Other")):
            with pytest.raises(MalformedAnswer, match=f"^the answer to {call.method} "):
                call.parse(document)

    @every_call
    @settings(max_examples=20)
    @given(data=st.data())
    def test_any_values_in_an_answer_are_read_or_malformed(
        self, call: Call[object], data: st.DataObject
    ) -> None:
        """Whatever stands where a value should be, nothing else is raised."""
        values = data.draw(
            st.lists(
                st.sampled_from(
                    [
                        "<returnval/>",
                        "<returnval>text</returnval>",
                        '<returnval type="Task">task-1</returnval>',
                        "<returnval><about/></returnval>",
                        "<returnval><version>1</version></returnval>",
                        "<returnval><propSet><val><key/></val></propSet></returnval>",
                        "<returnval><objects/><token/></returnval>",
                        "<other/>",
                    ]
                )
            )
        )
        try:
            call.parse(answer(call.method, "".join(values)))
        except MalformedAnswer as error:
            assert error.message.startswith(f"the answer to {call.method} ")  # noqa: PT017

    @pytest.mark.parametrize(
        "call",
        [
            calls.logout(SESSION_MANAGER),
            calls.destroy_view(VIEW),
            calls.destroy_property_collector(COLLECTOR),
            calls.destroy_property_filter(FILTER),
            calls.cancel_wait_for_updates(COLLECTOR),
            calls.shutdown_guest(DOMAIN),
            calls.reboot_guest(DOMAIN),
            calls.answer_vm(DOMAIN, question_id="25", choice="1"),
            calls.cancel_task(TASK),
        ],
    )
    def test_calls_that_return_nothing_are_done_once_answered(self, call: Call[None]) -> None:
        """The answer is empty."""
        call.parse(answer(call.method))

    @pytest.mark.parametrize(
        "call",
        [
            calls.create_container_view(VIEW_MANAGER, ROOT, ["VirtualMachine"]),
            calls.create_list_view(VIEW_MANAGER),
            calls.create_property_collector(COLLECTOR),
            calls.create_filter(COLLECTOR, SPEC),
            calls.create_collector_for_events(EVENT_MANAGER, types=[], begin=NOON, version=NEWEST),
            calls.power_on(DOMAIN),
            calls.power_off(DOMAIN),
            calls.suspend(DOMAIN),
            calls.reset(DOMAIN),
        ],
    )
    def test_calls_that_create_return_a_reference(self, call: Call[ManagedObjectReference]) -> None:
        """Without one nothing can be done with what was created."""
        document = answer(call.method, '<returnval type="ContainerView">session[5]view</returnval>')
        assert call.parse(document) == VIEW
        with pytest.raises(MalformedAnswer, match="has no value"):
            call.parse(answer(call.method))
        with pytest.raises(MalformedAnswer, match="holds no reference to a managed object"):
            call.parse(answer(call.method, "<returnval>session[5]view</returnval>"))

    def test_a_list_view_answers_what_does_not_exist(self) -> None:
        """Nothing, as a rule; what is no reference names nothing, and is left out."""
        call = calls.modify_list_view(LIST, add=[TASK, OTHER_TASK])
        unknown = (
            '<returnval type="Task">task-1</returnval><returnval type="Task">task-2</returnval>'
        )

        assert call.parse(answer("ModifyListView")) == []
        assert call.parse(answer("ModifyListView", unknown)) == [TASK, OTHER_TASK]
        assert call.parse(answer("ModifyListView", f"<returnval>?</returnval>{unknown}")) == [
            TASK,
            OTHER_TASK,
        ]

    def test_a_recorded_reference_is_read(self) -> None:
        """References of sessions are longer than they look in documents."""
        reference = calls.create_container_view(VIEW_MANAGER, ROOT, ["VirtualMachine"]).parse(
            recorded("reference")
        )
        assert reference.type == "ContainerView"
        assert reference.value.startswith("session[")


class TestServiceContent:
    """Where everything begins."""

    def test_the_content_of_a_vcenter_is_read(self) -> None:
        """As vcsim answers it."""
        content = calls.retrieve_service_content().parse(recorded("service-content"))

        assert content.about == About(
            name="VMware vCenter Server",
            full_name="VMware vCenter Server 6.5.0 build-5973321",
            version="6.5.0",
            api_type="VirtualCenter",
            api_version="6.5",
            product_line_id="vpx",
            instance_uuid="9dfe7faf-e363-5e27-8e03-e3ec1449e709",
        )
        assert content.root_folder == ROOT
        assert content.property_collector == COLLECTOR
        assert content.view_manager == VIEW_MANAGER
        assert content.session_manager == SESSION_MANAGER
        assert content.task_manager == ManagedObjectReference("TaskManager", "TaskManager")
        assert content.event_manager == ManagedObjectReference("EventManager", "EventManager")
        assert content.search_index == ManagedObjectReference("SearchIndex", "SearchIndex")

    ABOUT = (
        "<name>VMware ESX Server</name><fullName>VMware ESX Server 3.5.0</fullName>"
        "<version>3.5.0</version><productLineId>esx</productLineId>"
        "<apiType>HostAgent</apiType><apiVersion>2.5</apiVersion>"
    )
    LEAST = (
        '<rootFolder type="Folder">ha-folder-root</rootFolder>'
        '<propertyCollector type="PropertyCollector">ha-property-collector</propertyCollector>'
        f"<about>{ABOUT}</about>"
    )

    def test_an_old_host_may_lack_all_that_is_optional(self) -> None:
        """What it lacks is None."""
        content = calls.retrieve_service_content().parse(
            answer("RetrieveServiceContent", f"<returnval>{self.LEAST}</returnval>")
        )
        assert content.about.instance_uuid is None
        assert content[3:] == (None,) * 5

    @pytest.mark.parametrize(
        "part",
        [
            "name",
            "fullName",
            "version",
            "productLineId",
            "apiType",
            "apiVersion",
            "rootFolder",
            "propertyCollector",
            "about",
        ],
    )
    def test_a_content_without_a_required_part_is_malformed(self, part: str) -> None:
        """The message names the part."""
        content = self.LEAST.replace(f"<{part}", "<x").replace(f"</{part}>", "</x>")
        assert content != self.LEAST
        with pytest.raises(MalformedAnswer) as caught:
            calls.retrieve_service_content().parse(
                answer("RetrieveServiceContent", f"<returnval>{content}</returnval>")
            )
        assert caught.value.message == f"the answer to RetrieveServiceContent has no {part}"


class TestSessions:
    """Who is logged in."""

    def test_a_login_returns_the_session(self) -> None:
        """Its key tells later whether the session is still the same."""
        session = calls.login(SESSION_MANAGER, user_name="root", password="secret").parse(
            answer(
                "Login",
                "<returnval><key>52d1</key><userName>root</userName><new/></returnval>",
            )
        )
        assert session == UserSession("52d1", "root")

    def test_a_session_without_key_is_malformed(self) -> None:
        """It could not be told from another."""
        with pytest.raises(MalformedAnswer, match="the answer to Login has no key"):
            calls.login(SESSION_MANAGER, user_name="root", password="secret").parse(
                answer("Login", "<returnval><userName>root</userName></returnval>")
            )

    def test_the_current_session_is_the_one_of_the_cookie(self) -> None:
        """As vcsim answers it."""
        session = calls.current_session(COLLECTOR, SESSION_MANAGER).parse(
            recorded("current-session")
        )
        assert session is not None
        assert session.user_name == "root"
        assert len(session.key) == 36

    @pytest.mark.parametrize(
        "content",
        [
            '<returnval><obj type="SessionManager">SessionManager</obj></returnval>',
            "<returnval><propSet><name>currentSession</name></propSet></returnval>",
            "",
        ],
    )
    def test_without_login_there_is_no_current_session(self, content: str) -> None:
        """The host answers, without the property."""
        call = calls.current_session(COLLECTOR, SESSION_MANAGER)
        assert call.parse(answer("RetrieveProperties", content)) is None


class TestTime:
    """The host's clock."""

    def test_the_time_of_the_host_is_utc(self) -> None:
        """To compare with times in tasks and events, which are the host's too."""
        time = calls.current_time().parse(
            answer("CurrentTime", "<returnval>2024-02-29T12:00:00.25Z</returnval>")
        )
        assert time == datetime(2024, 2, 29, 12, 0, 0, 250_000, tzinfo=UTC)

    @pytest.mark.parametrize("value", ["", "now"])
    def test_no_time_is_malformed(self, value: str) -> None:
        """It is all that was asked for."""
        with pytest.raises(MalformedAnswer, match="holds no date and time"):
            calls.current_time().parse(answer("CurrentTime", f"<returnval>{value}</returnval>"))


class TestWaiting:
    """Update sets, or none."""

    WAIT = calls.wait_for_updates_ex(
        COLLECTOR, version="1", max_wait_seconds=1, max_object_updates=100
    )

    @pytest.mark.parametrize(
        "document",
        [recorded("nothing-happened"), answer("WaitForUpdatesEx", "<returnval/>")],
    )
    def test_none_means_that_nothing_happened(self, document: bytes) -> None:
        """There is no new version then: the one at hand stays good."""
        assert self.WAIT.parse(document) is None

    def test_an_update_set_without_version_is_malformed(self) -> None:
        """The message names the method."""
        document = answer("WaitForUpdatesEx", "<returnval><filterSet/></returnval>")
        with pytest.raises(MalformedAnswer, match="the answer to WaitForUpdatesEx has no version"):
            self.WAIT.parse(document)

    def test_the_older_wait_always_brings_an_update_set(self) -> None:
        """It has no limit, so that it never returns without one; it may hold nothing."""
        call = calls.wait_for_updates(COLLECTOR, version="1")
        document = answer("WaitForUpdates", "<returnval><version>2</version></returnval>")
        assert call.parse(document) == UpdateSet("2", [], False)
        with pytest.raises(MalformedAnswer, match="the answer to WaitForUpdates has no value"):
            call.parse(answer("WaitForUpdates"))


OBJECT = (
    '<obj type="VirtualMachine">vm-42</obj><propSet><name>name</name><val>web01</val></propSet>'
)
CONTENT = ObjectContent(DOMAIN, {"name": "web01"}, ())


class TestEventHistory:
    """Collectors of events, and what is read of them."""

    TYPES = ("VmPoweredOnEvent", "com.vmware.vc.vm.VmTerminateEvent")

    @pytest.mark.parametrize(
        ("version", "kind", "page_size"),
        [("4.0", "eventTypeId", None), ("9.1.0.0", "eventTypeId", 1), ("2.5u2", "type", None)],
    )
    def test_a_collector_is_of_types_from_a_time_on(
        self, version: str, kind: str, page_size: int | None
    ) -> None:
        """The names of the parts depend on the version, their order never."""
        call = calls.create_collector_for_events(
            EVENT_MANAGER,
            types=self.TYPES,
            begin=NOON,
            version=ApiVersion.parse(version),
            page_size=page_size,
        )
        size = [] if page_size is None else [("maxCount", "1")]
        assert arguments(call) == [
            (
                "filter",
                ("time", ("beginTime", "2026-11-20T12:00:00.250000Z")),
                ("disableFullMessage", "true"),
                *((kind, name) for name in self.TYPES),
                *size,
            )
        ]

    @pytest.mark.pyvmomi
    def test_a_collector_is_what_pyvmomi_writes(self) -> None:
        """VMware's own client is the judge of the order of the parts."""
        from pyVmomi import vim
        from pyVmomi.SoapAdapter import SerializeToStr

        # pyVmomi makes its types at run time.
        wanted: Any = vim.event.EventFilterSpec
        serialize: Any = SerializeToStr
        theirs = wanted(
            time=wanted.ByTime(beginTime=NOON),
            disableFullMessage=True,
            eventTypeId=list(self.TYPES),
            maxCount=1,
        )
        order = [
            local_name(part) for part in parse(serialize(theirs, version="vim.version.version11"))
        ]
        call = calls.create_collector_for_events(
            EVENT_MANAGER, types=self.TYPES, begin=NOON, version=NEWEST, page_size=1
        )
        [(_filter, *parts)] = arguments(call)
        assert [part[0] for part in parts if isinstance(part, tuple)] == order

    def test_a_page_and_a_reading_say_how_many_events(self) -> None:
        """Both are called ``maxCount``."""
        assert arguments(calls.set_collector_page_size(HISTORY, size=1)) == [("maxCount", "1")]
        assert arguments(calls.read_next_events(HISTORY, max_count=100)) == [("maxCount", "100")]

    def test_events_are_read_in_the_order_of_the_host(self) -> None:
        """One that cannot be read is given back and costs no other."""
        events = "".join(
            f'<returnval xsi:type="VmPoweredOnEvent"><key>{key}</key>'
            "<createdTime>2026-11-20T12:00:00Z</createdTime></returnval>"
            for key in ("7", "-8", "x")
        )
        page = calls.read_next_events(HISTORY, max_count=100).parse(
            answer("ReadNextEvents", events)
        )
        assert [event.key for event in page.events] == [7, -8]
        assert [odd.type for odd in page.unparsed] == ["VmPoweredOnEvent"]

    def test_a_page_has_no_more_events_than_were_asked_for(self) -> None:
        """Whatever the host sends."""
        event = (
            '<returnval xsi:type="VmPoweredOnEvent"><key>1</key>'
            "<createdTime>2026-11-20T12:00:00Z</createdTime></returnval>"
        )
        page = calls.read_next_events(HISTORY, max_count=2).parse(
            answer("ReadNextEvents", event * 9)
        )
        assert len(page.events) == 2

    def test_an_empty_page_is_no_events(self) -> None:
        """It does not say that there are none."""
        call = calls.read_next_events(HISTORY, max_count=100)
        assert call.parse(answer("ReadNextEvents")) == ([], [])


class TestRetrieving:
    """Properties read at once."""

    @pytest.mark.parametrize(
        "call",
        [
            calls.retrieve_properties_ex(COLLECTOR, [SPEC], max_objects=1),
            calls.continue_retrieve_properties_ex(COLLECTOR, token="1"),
        ],
    )
    def test_a_page_has_objects_and_maybe_the_token_of_the_next(self, call: Call[Page]) -> None:
        """The last page has none; where nothing is found there is not even a page."""

        def read(content: str) -> Page:
            return call.parse(answer(call.method, content))

        objects = f"<objects>{OBJECT}</objects><objects/>"
        assert read(f"<returnval><token>t</token>{objects}</returnval>") == Page([CONTENT], "t")
        assert read(f"<returnval>{objects}</returnval>") == Page([CONTENT], None)
        assert read("") == Page([], None)

    def test_the_older_retrieval_returns_all_objects_as_they_are(self) -> None:
        """One that names no object is left out; the others are not lost with it."""
        call = calls.retrieve_properties(COLLECTOR, [SPEC])
        content = f"<returnval>{OBJECT}</returnval><returnval/><returnval>{OBJECT}</returnval>"
        assert call.parse(answer("RetrieveProperties", content)) == [CONTENT, CONTENT]
        assert call.parse(answer("RetrieveProperties")) == []
