"""Whatever a client calls, it is answered with SOAP: a fault at worst."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from eventd.simulator import INSTANT
from eventd.simulator.methods import METHODS
from eventd.simulator.service import Reply, Wait
from eventd.vi.soap import SoapRequest, envelope, parse_answer
from eventd.vi.types import ManagedObjectReference
from eventd.vi.xml import escape
from tests.simulator.client import START, Client, connect

NAMES = (
    *("version", "options", "spec", "specSet", "prop", "token", "partialUpdates", "container"),
    *("type", "recursive", "uuid", "vmSearch", "name", "path", "config", "entity", "host"),
    *("newName", "questionId", "answerChoice", "filter", "maxCount", "userName", "password"),
    *("objectSet", "propSet", "obj", "selectSet", "skip", "all", "pathSet", "maxWaitSeconds"),
    *("maxObjectUpdates", "maxObjects", "time", "beginTime", "eventTypeId", "eventChainId"),
)
TEXTS = st.sampled_from(
    ["", "true", "-1", "0", "7", "name", "runtime", "config.hardware.numCPU.x", "web01", "é<&>"]
)


def elements(*, depth: int) -> st.SearchStrategy[str]:
    """Arguments: texts, references, and arguments in arguments."""
    inner = TEXTS.map(escape)
    if depth:
        inner |= st.lists(elements(depth=depth - 1), max_size=3).map("".join)
    attributes = st.sampled_from(["", ' type="VirtualMachine"', ' type="Folder"'])
    return st.builds(
        lambda name, attribute, content: f"<{name}{attribute}>{content}</{name}>",
        *(st.sampled_from(NAMES), attributes, inner),
    )


def find_target(client: Client, method: str) -> ManagedObjectReference:
    """An object that has the method, if the world has one."""
    is_a = client.world.schema.is_a
    inventory = client.world.inventory
    candidates = [
        *(inventory.service_instance, inventory.session_manager, inventory.property_collector),
        *(inventory.view_manager, inventory.search_index, inventory.event_manager),
        *(client.world.domain("web01"), inventory.domain_folder),
        *client.session.views,
        *client.session.event_collectors,
    ]
    fitting = [obj for obj in candidates if is_a(obj.type, METHODS[method].on)]
    return fitting[0] if fitting else ManagedObjectReference(METHODS[method].on, "gone")


def call(client: Client, body: bytes) -> Reply | Wait:
    soap = client.service.read(body)
    assert isinstance(soap, SoapRequest)
    return client.service.call(soap, client.session, START)


@settings(deadline=None)
@given(
    method=st.sampled_from(sorted(METHODS)),
    arguments=st.lists(elements(depth=3), max_size=5),
    product=st.sampled_from(["esx", "vpx"]),
)
def test_any_call_is_answered(method: str, arguments: list[str], product: str) -> None:
    """No argument gets through to a Python error, and no answer is malformed."""
    client = connect(product=product, domains=1, powered_on=True, pace=INSTANT)
    client.follow("name")
    manager = client.world.inventory.event_manager
    call(client, envelope("CreateCollectorForEvents", manager))

    reply = call(client, envelope(method, find_target(client, method), *arguments))
    client.advance()

    if isinstance(reply, Reply) and not reply.is_fault:
        parse_answer(method, reply.body)
    elif isinstance(reply, Reply):
        assert b"<soapenv:Fault>" in reply.body
