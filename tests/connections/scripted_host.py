"""A VI host without a network: it answers calls by a script, and says which calls came.

It takes the place of the transport, so that everything above it is the real thing.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Self

from eventd.connections.transport import Transport
from eventd.errors import EventdError
from eventd.vi.soap import SoapRequest, parse_request
from eventd.vi.xml import escape

__all__ = [
    "PATIENCE",
    "Host",
    "Reply",
    "content",
    "enter",
    "event",
    "fault",
    "leave",
    "modify",
    "object_content",
    "reference",
    "ring",
    "update_set",
]

_ENVELOPE = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>{}</soapenv:Body>'
    "</soapenv:Envelope>"
)

PATIENCE = 5.0
"""Seconds that a test waits for something that comes at once."""


class Fault(str):
    """The body of an answer that is a fault."""

    __slots__ = ()


Reply = str | EventdError | asyncio.Event
"""What a call gets: ``returnval`` elements, a fault, an error of the transport, or no answer
until the event is set."""


class Host:
    """A host that answers every call at once, and calls that wait for updates never.

    It has an event history if ``has_events``, and nothing in it. Other answers are planned with
    `plan`; each is given once. Its clock stands still.
    """

    def __init__(
        self,
        *,
        product_line: str = "embeddedEsx",
        api_version: str = "7.0.3.0",
        name: str = "VMware ESXi 7.0.3",
        has_events: bool = False,
    ) -> None:
        self.calls: list[SoapRequest] = []
        self.soap_actions: list[str] = []
        self.deadlines: dict[str, float] = {}
        """The deadline of the last call of each method."""
        self.forgotten = 0
        """How often the cookie was thrown away."""
        self.open_transports = 0
        self._planned: defaultdict[str, list[Reply]] = defaultdict(list)
        self._announced: dict[str, asyncio.Event] = {}
        self._waits = asyncio.Event()
        self._usual: dict[str, Reply] = {
            "RetrieveServiceContent": content(
                product_line=product_line,
                api_version=api_version,
                name=name,
                without="" if has_events else "eventManager",
            ),
            "CurrentTime": "<returnval>2026-11-20T12:00:00Z</returnval>",
            "Login": "<returnval><key>52aa</key><userName>root</userName></returnval>",
            "Logout": "",
            "CreatePropertyCollector": reference("PropertyCollector", "own-collector"),
            "CreateContainerView": reference("ContainerView", "view"),
            "CreateListView": reference("ListView", "list"),
            "ModifyListView": "",
            "CreateFilter": reference("PropertyFilter", "filter"),
            "CancelWaitForUpdates": "",
            "CreateCollectorForEvents": reference("EventHistoryCollector", "history"),
            "SetCollectorPageSize": "",
            "ReadNextEvents": "",
            "DestroyCollector": "",
            "RetrieveProperties": "",
        }

    def on(self, method: str) -> asyncio.Event:
        """Return an event that the next call of the method sets."""
        return self._announced.setdefault(method, asyncio.Event())

    def plan(self, method: str, *replies: Reply) -> None:
        """Give these replies to the next calls of the method; then the usual one again."""
        self._planned[method] += replies

    def usual(self, method: str) -> Reply:
        """Return what the method is answered where nothing is planned."""
        return self._usual[method]

    def transport(self) -> Transport:
        """Return a new way to this host."""
        return _ScriptedTransport(self)

    async def is_waited_for(self) -> None:
        """Return when the host is asked to wait and all that was planned for it is told."""
        async with asyncio.timeout(PATIENCE):
            await self._waits.wait()

    @property
    def methods(self) -> list[str]:
        """The methods that were called, in order."""
        return [call.method for call in self.calls]

    def called(self, method: str) -> list[SoapRequest]:
        """Return the calls of one method."""
        return [call for call in self.calls if call.method == method]

    def versions(self, method: str = "WaitForUpdatesEx") -> list[str]:
        """Return the versions that updates were asked for."""
        found = (call.call.first("version") for call in self.called(method))
        return [node.text for node in found if node is not None]

    async def reply(self, body: bytes, *, soap_action: str, deadline: float) -> bytes:
        """Answer one call."""
        request = parse_request(body)
        method = request.method
        self.calls.append(request)
        self.soap_actions.append(soap_action)
        self.deadlines[method] = deadline
        if announced := self._announced.pop(method, None):
            announced.set()
        planned = self._planned[method]
        reply = planned.pop(0) if planned else self._usual.get(method)
        if reply is None:
            self._waits.set()
            await asyncio.Event().wait()
        if isinstance(reply, asyncio.Event):
            await reply.wait()
            reply = planned.pop(0)
        if isinstance(reply, EventdError):
            raise reply
        assert isinstance(reply, str)
        inner = (
            reply if isinstance(reply, Fault) else f"<{method}Response>{reply}</{method}Response>"
        )
        return _ENVELOPE.format(inner).encode()


class _ScriptedTransport(Transport):
    """What Session and Connection use of a transport."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def __aenter__(self) -> Self:
        self._host.open_transports += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._host.open_transports -= 1

    def forget_session(self) -> None:
        self._host.forgotten += 1

    async def post(self, body: bytes, *, soap_action: str, deadline: float) -> bytes:
        return await self._host.reply(body, soap_action=soap_action, deadline=deadline)


# --- what a host says -----------------------------------------------------------------------------


def fault(name: str, reason: str = "it is so") -> Fault:
    """Return a VI fault."""
    return Fault(
        f"<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>{escape(reason)}"
        f'</faultstring><detail><{name}Fault xsi:type="{name}"/></detail></soapenv:Fault>'
    )


def reference(kind: str, value: str, tag: str = "returnval") -> str:
    """Return a managed object reference."""
    return f'<{tag} type="{kind}">{value}</{tag}>'


def content(
    *,
    product_line: str = "embeddedEsx",
    api_version: str = "7.0.3.0",
    name: str = "VMware ESXi 7.0.3",
    without: str = "",
) -> str:
    """Return a ServiceContent; ``without`` names a part that the host lacks."""
    parts = {
        "rootFolder": reference("Folder", "root", "rootFolder"),
        "propertyCollector": reference("PropertyCollector", "collector", "propertyCollector"),
        "viewManager": reference("ViewManager", "views", "viewManager"),
        "about": f"<about><name>VMware</name><fullName>{name}</fullName><version>7.0.3</version>"
        f"<productLineId>{product_line}</productLineId><apiType>HostAgent</apiType>"
        f"<apiVersion>{api_version}</apiVersion></about>",
        "sessionManager": reference("SessionManager", "sessions", "sessionManager"),
        "taskManager": reference("TaskManager", "tasks", "taskManager"),
        "eventManager": reference("EventManager", "events", "eventManager"),
    }
    parts.pop(without, None)
    return f"<returnval>{''.join(parts.values())}</returnval>"


def object_content(kind: str, value: str, **properties: str) -> str:
    """Return what RetrieveProperties says of one object: text, or a reference written by hand."""
    told = "".join(
        f"<propSet><name>{key}</name>{_value(text)}</propSet>" for key, text in properties.items()
    )
    return f"<returnval>{reference(kind, value, 'obj')}{told}</returnval>"


def _value(text: str) -> str:
    return text if text.startswith("<") else f'<val xsi:type="xsd:string">{escape(text)}</val>'


_PATHS = {"name": "name", "power": "runtime.powerState", "clean": "runtime.cleanPowerOff"}


def _object_update(kind: str, value: str, properties: dict[str, str]) -> str:
    changes = "".join(
        f"<changeSet><name>{_PATHS[key]}</name><op>assign</op>{_value(text)}</changeSet>"
        for key, text in properties.items()
    )
    obj = reference("VirtualMachine", value, "obj")
    return f"<objectSet><kind>{kind}</kind>{obj}{changes}</objectSet>"


def enter(value: str, **properties: str) -> str:
    """Return that a domain is there: name, power."""
    return _object_update("enter", value, properties)


def modify(value: str, **properties: str) -> str:
    """Return that properties of a domain have changed."""
    return _object_update("modify", value, properties)


def leave(value: str) -> str:
    """Return that a domain is gone."""
    return _object_update("leave", value, {})


def event(
    key: int,
    kind: str = "VmPoweredOffEvent",
    *,
    domain: str = "1",
    user: str = "root",
    time: str = "2026-11-20T12:00:01Z",
    tag: str = "returnval",
) -> str:
    """Return an event, as ReadNextEvents gives it or, with another tag, as it stands in a page."""
    about = f"<vm><name>web01</name>{reference('VirtualMachine', domain, 'vm')}</vm>"
    return (
        f'<{tag} xsi:type="{kind}"><key>{key}</key><chainId>{key}</chainId>'
        f"<createdTime>{time}</createdTime><userName>{user}</userName>{about}</{tag}>"
    )


def ring(*events: str, kind: str = "modify", collector: str = "history") -> str:
    """Return that the newest page of the event history has changed; the events' tag is Event."""
    page = f'<val xsi:type="ArrayOfEvent">{"".join(events)}</val>'
    change = f"<changeSet><name>latestPage</name><op>assign</op>{page}</changeSet>"
    obj = reference("EventHistoryCollector", collector, "obj")
    return f"<objectSet><kind>{kind}</kind>{obj}{change}</objectSet>"


def update_set(version: str, *objects: str, truncated: bool = False) -> str:
    """Return an update set of one filter; it may have objects of others as well."""
    told = reference("PropertyFilter", "filter", "filter") + "".join(objects)
    filters = f"<filterSet>{told}</filterSet>" if objects else ""
    more = "<truncated>true</truncated>" if truncated else ""
    return f"<returnval><version>{version}</version>{filters}{more}</returnval>"
