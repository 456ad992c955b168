"""SOAP: requests go out and come in as they were, answers are told from faults and from noise."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventd.errors import (
    ErrorCode,
    EventdError,
    Fault,
    InvalidArgument,
    MalformedAnswer,
    SessionExpired,
)
from eventd.vi.soap import Node, envelope, parse_answer, parse_request, reference_element
from eventd.vi.types import ManagedObjectReference
from eventd.vi.xml import element
from tests.vi import answers
from tests.vi.documents import ATTACKS, TEXTS

DOMAIN = ManagedObjectReference("VirtualMachine", "vm-42")


class TestAnswers:
    """What `parse_answer` makes of the bytes that came back."""

    def test_the_values_of_an_answer_come_in_order(self) -> None:
        """A method returns none, one or many values, and white space between them is nothing."""
        document = answers.answer(
            "Login", "\n<returnval>1</returnval>\n<odd/><returnval>2</returnval>"
        )
        assert [value.text for value in parse_answer("Login", document)] == ["1", "2"]
        assert parse_answer("Logout", answers.recorded("logout")) == []

    def test_prefixes_and_a_header_do_not_matter(self) -> None:
        """Hosts and the proxies before them choose prefixes as they like."""
        document = (
            b'<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Header><x/>'
            b'</S:Header><S:Body><v:LoginResponse xmlns:v="urn:vim25"><v:returnval>1</v:returnval>'
            b"</v:LoginResponse></S:Body></S:Envelope>"
        )
        [value] = parse_answer("Login", document)
        assert value.text == "1"

    @pytest.mark.parametrize("document", ATTACKS.values(), ids=ATTACKS.keys())
    def test_a_hostile_answer_is_malformed(self, document: bytes) -> None:
        """The message is one sentence that names the method."""
        with pytest.raises(MalformedAnswer, match=r"^the answer to Login (is|has) [^\n]+$"):
            parse_answer("Login", document)

    @pytest.mark.parametrize(
        ("document", "message"),
        [
            (b"<html><body/></html>", "is no SOAP envelope but <html>"),
            (b"<Envelope><Body><a/></Body></Envelope>", "is no SOAP envelope but <Envelope>"),
            (answers.envelope(""), "is a SOAP envelope without content"),
            (
                b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"/>',
                "is a SOAP envelope without content",
            ),
            (answers.answer("Logout"), "is the answer to something else: LogoutResponse"),
            (answers.envelope("<Login/>"), "is the answer to something else: Login"),
        ],
    )
    def test_what_is_no_answer_to_the_method_is_malformed(
        self, document: bytes, message: str
    ) -> None:
        """Somebody else than a VI host may answer, or an answer may have been mixed up."""
        with pytest.raises(MalformedAnswer) as caught:
            parse_answer("Login", document)
        assert caught.value.message == f"the answer to Login {message}"

    def test_an_answer_above_the_callers_bound_is_malformed(self) -> None:
        """A caller that expects little may say so."""
        with pytest.raises(MalformedAnswer, match="the answer to Logout is longer than 10 bytes"):
            parse_answer("Logout", answers.recorded("logout"), max_bytes=10)

    @given(st.binary() | TEXTS.map(str.encode) | TEXTS.map(answers.envelope_of_text))
    def test_arbitrary_bytes_are_malformed(self, document: bytes) -> None:
        """Nothing that is not an answer raises anything but the two errors of a host."""
        with pytest.raises((MalformedAnswer, Fault)):
            parse_answer("Login", document)


class TestFaults:
    """How a host says no."""

    def test_a_fault_tells_its_type_and_the_hosts_own_sentence(self) -> None:
        """Both are from the detail and the fault string that vcsim really sends."""
        with pytest.raises(Fault) as caught:
            parse_answer("Login", answers.recorded("invalid-login"))

        fault = caught.value
        assert (fault.method, fault.name, fault.reason) == (
            "Login",
            "InvalidLogin",
            "Login failure",
        )
        assert fault.message == "the host refused Login: InvalidLogin: Login failure"
        assert not isinstance(fault, SessionExpired)

    def test_not_authenticated_means_that_the_session_is_gone(self) -> None:
        """It is the one fault that every call may get, and whose cure is to log in again."""
        with pytest.raises(SessionExpired) as caught:
            parse_answer("CreateFilter", answers.recorded("not-authenticated"))

        assert caught.value.name == "NotAuthenticated"
        assert caught.value.reason == "the host gives no reason"

    @pytest.mark.parametrize(
        ("detail", "name"),
        [
            ('<InvalidStateFault xsi:type="InvalidState"/>', "InvalidState"),
            (
                '<x:InvalidStateFault xmlns:x="urn:vim25" xsi:type="x:InvalidState"/>',
                "InvalidState",
            ),
            ("<InvalidStateFault/>", "InvalidState"),
            ('<Fault xsi:type="NoPermission"/>', "NoPermission"),
            ("<RuntimeFaultFault/><OtherFault/>", "RuntimeFault"),
            ("", ""),
        ],
    )
    def test_the_name_of_a_fault_is_its_type_else_its_element(self, detail: str, name: str) -> None:
        """Hosts name the type in an attribute; where they do not, the element's name holds it."""
        document = answers.envelope(
            "<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>no</faultstring>"
            f"<detail>{detail}</detail></soapenv:Fault>"
        )
        with pytest.raises(Fault) as caught:
            parse_answer("PowerOnVM_Task", document)
        assert caught.value.name == name

    @pytest.mark.parametrize(
        "parts",
        ["", "<faultstring/>", "<faultcode>Client</faultcode><faultstring>  </faultstring>"],
    )
    def test_a_fault_without_detail_or_reason_is_still_a_fault(self, parts: str) -> None:
        """A refusal stays a refusal, however badly it is written."""
        with pytest.raises(Fault) as caught:
            parse_answer("Login", answers.envelope(f"<soapenv:Fault>{parts}</soapenv:Fault>"))
        assert caught.value.message == "the host refused Login: fault: the host gives no reason"

    def test_a_long_reason_is_one_bounded_line(self) -> None:
        """It goes into logs, and comes from the network."""
        with pytest.raises(Fault) as caught:
            parse_answer("Login", answers.fault("InvalidLogin", "no\n" * 2000))
        assert "\n" not in caught.value.reason
        assert len(caught.value.reason) <= 1001


ARGUMENT_NAMES = st.from_regex(r"[a-zA-Z][a-zA-Z0-9]{0,8}", fullmatch=True)
REFERENCES = st.builds(ManagedObjectReference, TEXTS.filter(bool), TEXTS)


class TestRequests:
    """What `parse_request` gives to a host in Python."""

    @given(REFERENCES, st.lists(st.tuples(ARGUMENT_NAMES, TEXTS | REFERENCES)))
    def test_a_request_is_read_as_it_was_written(
        self,
        this: ManagedObjectReference,
        arguments: list[tuple[str, str | ManagedObjectReference]],
    ) -> None:
        """Whatever is written into a request is data: it cannot become markup."""
        written = [
            element(name, value) if isinstance(value, str) else reference_element(name, value)
            for name, value in arguments
        ]

        request = parse_request(envelope("PowerOnVM_Task", this, *written))

        read = [
            (node.tag, node.reference if "type" in node.attributes else node.text)
            for node in request.call.children[1:]
        ]
        assert (request.method, request.this) == ("PowerOnVM_Task", this)
        assert read == arguments

    def test_a_request_of_libvirt_is_understood(self) -> None:
        """It repeats namespaces and types on every element (src/esx/esx_vi_methods.c)."""
        request = parse_request(
            answers.envelope(
                '<FindByUuid xmlns="urn:vim25"><_this xmlns="urn:vim25"'
                ' xsi:type="ManagedObjectReference" type="SearchIndex">ha-searchindex</_this>'
                '<uuid xmlns="urn:vim25" xsi:type="xsd:string">564d</uuid>'
                '<vmSearch xmlns="urn:vim25" xsi:type="xsd:boolean">true</vmSearch></FindByUuid>'
            )
        )
        assert request.method == "FindByUuid"
        assert request.this == ManagedObjectReference("SearchIndex", "ha-searchindex")
        assert request.call.children[1:] == (
            Node("uuid", "string", {}, "564d", ()),
            Node("vmSearch", "boolean", {}, "true", ()),
        )

    def test_arguments_are_found_by_name(self) -> None:
        """An argument may be absent, or there many times."""
        request = parse_request(
            envelope("CreateContainerView", DOMAIN, element("type", "a"), element("type", "b"))
        )
        first = request.call.first("type")
        assert first is not None
        assert first.text == "a"
        assert [node.text for node in request.call.every("type")] == ["a", "b"]
        assert request.call.first("container") is None

    def test_what_holds_no_reference_gives_an_empty_one(self) -> None:
        """A host then answers that it knows no such object."""
        assert Node("obj", None, {}, "", ()).reference == ManagedObjectReference("", "")

    @pytest.mark.parametrize("document", ATTACKS.values(), ids=ATTACKS.keys())
    def test_a_hostile_request_is_refused(self, document: bytes) -> None:
        """A host in Python is held to the same bounds as a client."""
        with pytest.raises(InvalidArgument, match=r"^the request (is|has) [^\n]+$") as caught:
            parse_request(document)
        assert caught.value.code == ErrorCode.INVALID_ARG

    @pytest.mark.parametrize(
        ("document", "message"),
        [
            (b"<html/>", "the request is no SOAP envelope but <html>"),
            (answers.envelope(""), "the request is a SOAP envelope without content"),
            (answers.envelope("<Login/>"), "the request Login names no object in _this"),
        ],
    )
    def test_what_is_no_call_is_refused(self, document: bytes, message: str) -> None:
        """A call is a method's element with the object in it."""
        with pytest.raises(InvalidArgument) as caught:
            parse_request(document)
        assert caught.value.message == message

    @pytest.mark.parametrize("read", [parse_request, lambda data: parse_answer("Login", data)])
    @given(document=st.binary())
    def test_no_bytes_raise_what_is_not_eventds(
        self, read: Callable[[bytes], object], document: bytes
    ) -> None:
        """Neither side can be made to crash."""
        with pytest.raises(EventdError):
            read(document)
