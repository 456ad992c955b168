"""A client of the simulator that needs no network: each call is a function call, at a set time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from eventd.simulator.service import Reply, Service, Wait
from eventd.simulator.sessions import Session
from eventd.simulator.world import World
from eventd.vi import calls
from eventd.vi.property_collector import ObjectSpec, PropertyFilterSpec, PropertySpec, TraversalSpec
from eventd.vi.soap import SoapRequest, envelope
from eventd.vi.types import ManagedObjectReference, ObjectUpdate, UpdateSet

T = TypeVar("T")

START = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@dataclass
class Client:
    """A client with a session of its own, at a time that only the test moves."""

    service: Service
    session: Session
    now: datetime = START

    @property
    def world(self) -> World:
        return self.service.world

    def ask(self, call: calls.Call[T]) -> Reply | Wait:
        """Make a call that may have to wait."""
        soap = self.service.read(call.body)
        assert isinstance(soap, SoapRequest)
        return self.service.call(soap, self.session, self.now)

    def call(self, call: calls.Call[T]) -> T:
        """Make a call that is answered at once; raises the fault that it is answered with."""
        reply = self.ask(call)
        assert isinstance(reply, Reply), f"{call.method} waits"
        return call.parse(reply.body)

    def log_in(self) -> None:
        self.call(
            calls.login(self.world.inventory.session_manager, user_name="root", password="pass")
        )

    def raw(self, method: str, this: ManagedObjectReference, *arguments: str) -> Reply:
        """Make a call of which `eventd.vi` knows nothing; the arguments are written elements."""
        soap = self.service.read(envelope(method, this, *arguments))
        assert isinstance(soap, SoapRequest)
        reply = self.service.call(soap, self.session, self.now)
        assert isinstance(reply, Reply)
        return reply

    def fetch(self, obj: ManagedObjectReference, path: str) -> str:
        """The `returnval` of a single property, as it is written."""
        text = self.raw("Fetch", obj, f"<prop>{path}</prop>").body.decode()
        return text.partition("<FetchResponse")[2].partition(">")[2].partition("</FetchResponse")[0]

    def advance(self, seconds: float = 1) -> None:
        """Let time go by."""
        self.now += timedelta(seconds=seconds)
        self.world.advance(self.now)

    def follow(self, *paths: str, type_name: str = "VirtualMachine") -> ManagedObjectReference:
        """Follow properties of all domains; returns the filter."""
        inventory = self.world.inventory
        view = self.call(
            calls.create_container_view(
                inventory.view_manager, inventory.root_folder, [type_name], recursive=True
            )
        )
        members = TraversalSpec("ContainerView", "view")
        spec = PropertyFilterSpec(
            (PropertySpec(type_name, paths),), (ObjectSpec(view, skip=True, select=(members,)),)
        )
        return self.create_filter(spec)

    def create_filter(self, spec: PropertyFilterSpec) -> ManagedObjectReference:
        return self.call(calls.create_filter(self.world.inventory.property_collector, spec))

    def updates(self, version: str = "", *, limit: int = 1000) -> UpdateSet | None:
        """What has changed since a version, without a wait."""
        return self.call(
            calls.wait_for_updates_ex(
                self.world.inventory.property_collector,
                version=version,
                max_wait_seconds=0,
                max_object_updates=limit,
            )
        )

    def changes(self, version: str = "") -> tuple[str, list[ObjectUpdate]]:
        """The next version and the object updates of all filters, which there must be."""
        updates = self.updates(version)
        assert updates is not None, "nothing has changed"
        assert not updates.truncated
        return updates.version, [update for one in updates.filters for update in one.objects]


def fault(reply: Reply) -> str:
    """The name of the fault that an answer reports."""
    assert reply.is_fault
    return reply.body.decode().partition('xsi:type="')[2].partition('"')[0]


def connect(*, page_size: int = 100, logged_in: bool = True, **arguments: Any) -> Client:
    """Make a world and a client of it; takes the arguments of `World`."""
    world = World(now=START, **arguments)
    service = Service(world, page_size=page_size)
    client = Client(service, service.sessions.find(None, START))
    if logged_in:
        client.log_in()
    return client
