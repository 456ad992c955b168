"""Connections to vcsim, a vCenter that nobody here wrote: what a path follows there.

Its container views are those of the moment at which they were made, where the VI API reference
says that they follow every change. So a domain that moves into or out of the scope of a
connection cannot be played here; ``test_simulator`` does.
"""

# pyVmomi has types for its members, but none for its constructors.
# mypy: allow-untyped-calls

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime

import pytest

from eventd.connections.complaints import Complaints
from eventd.connections.credentials import Credentials
from eventd.connections.history import EventHistory
from eventd.connections.session import Session
from eventd.connections.transport import Transport
from eventd.errors import OperationInvalid
from eventd.model.domain import ConnectionState, Domain, DomainState
from eventd.model.events import DomainEvent, Event, TaskEvent
from eventd.model.operations import DomainOperation, OperationResult
from eventd.model.picture import PictureChange
from eventd.model.questions import Requester
from eventd.model.record import EventRecord
from eventd.vi import calls
from eventd.vi.filters import history_filter
from eventd.vi.types import HistoryEvent
from eventd.vi.uri import ConnectionURI
from tests.conftest import Connect, StartVcsim
from tests.connections.following import Following, following
from tests.connections.odd_things import odd_things
from tests.peers.vcsim_process import Vcsim

Rung = Callable[[], Awaitable[HistoryEvent]]

PATIENCE = 20.0
"""Seconds that a test waits for something that takes a simulated host a few milliseconds."""

TERMINATED = "com.vmware.vc.vm.VmTerminateEvent"

pytestmark = pytest.mark.vcsim

CLUSTER = {"DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"}
STANDALONE = {"DC0_H0_VM0", "DC0_H0_VM1"}


def at(host: Vcsim, path: str = "") -> AbstractAsyncContextManager[Following]:
    """Follow what a path names."""
    return following(host.connection_uri.replace("/?", f"/{path}?"), password=host.password)


@pytest.fixture
def vcenter(vcsim: StartVcsim) -> Vcsim:
    """A vCenter with a cluster of two hosts and a standalone host, two domains on each."""
    return vcsim("vpx", domains=2, hosts=2, standalone_hosts=1)


@pytest.mark.parametrize(
    ("path", "domains"),
    [
        ("", CLUSTER | STANDALONE),
        ("DC0", CLUSTER | STANDALONE),
        ("DC0/DC0_C0", CLUSTER),
        ("DC0/DC0_H0", STANDALONE),
        ("DC0/DC0_H0/DC0_H0", STANDALONE),
    ],
)
async def test_a_path_follows_the_domains_below_what_it_names(
    path: str, domains: set[str], vcenter: Vcsim
) -> None:
    """The whole vCenter, a datacenter, a cluster, and a standalone host in both spellings."""
    async with at(vcenter, path) as followed:
        assert await followed.told() == "connected"
        assert followed.domains == domains


async def test_the_hosts_of_a_cluster_share_its_domains(vcenter: Vcsim) -> None:
    """vcsim places them at random, so each host is asked for its own."""
    paths = [f"DC0/DC0_C0/DC0_C0_H{number}" for number in range(2)]
    found = []
    for path in paths:
        async with at(vcenter, path) as followed:
            assert await followed.told() == "connected"
            found.append(followed.domains)

    assert found[0] | found[1] == CLUSTER
    assert not found[0] & found[1]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("DC9", "Could not find datacenter specified in '/DC9': no 'DC9' among 'DC0'"),
        (
            "DC0/C9",
            "Could not find compute resource specified in '/DC0/C9': no 'C9' among 'DC0_C0', "
            "'DC0_H0'",
        ),
        (
            "DC0/DC0_C0/H9",
            "Could not find host system specified in '/DC0/DC0_C0/H9': no 'H9' among 'DC0_C0_H0', "
            "'DC0_C0_H1'",
        ),
        (
            "DC0/DC0_C0/DC0_C0_H0/x",
            "Path '/DC0/DC0_C0/DC0_C0_H0/x' ends with an excess item",
        ),
    ],
)
async def test_a_path_that_names_nothing_is_refused(
    path: str, sentence: str, vcenter: Vcsim
) -> None:
    """With libvirt's text, and what there would be."""
    async with at(vcenter, path) as followed:
        assert str(await followed.failure()) == sentence
        assert followed.connection.status().state is ConnectionState.CONNECTING


@pytest.mark.parametrize("model", ["vpx", "esx"])
async def test_a_restarted_host_is_followed_again(model: str, vcsim: StartVcsim) -> None:
    """Over TLS, which takes a handshake more: lost once, back once, and nothing between."""
    # One host in the cluster, since a restart deals the domains out to its hosts anew.
    host = vcsim("esx" if model == "esx" else "vpx", hosts=1, tls=True)
    async with at(host) as followed:
        assert await followed.told() == "connected"
        before = followed.domains

        await asyncio.to_thread(host.stop)
        assert await followed.told() == "disconnected"
        assert followed.is_stale
        await asyncio.to_thread(host.start)

        assert await followed.told() == "connected"
        assert followed.domains == before
        assert not followed.is_stale


# --- the event history ----------------------------------------------------------------------------


class User:
    """Someone who works with one of the domains."""

    def __init__(self, host: Vcsim, connect: Connect) -> None:
        from tests.peers.operations import Operations

        self._service = connect(host.host, host.port, host.user, host.password)
        self._operations = Operations(self._service)
        self._domain = next(iter(self._operations.domains().values()))
        self.reference: str = self._domain._GetMoId()
        """The domain's."""

    def power_off(self) -> None:
        """Power the domain off, and wait until it is."""
        self._operations.power_off(self._domain)

    def post(self, kind: str, count: int = 1) -> None:
        """Post events about the domain; vcsim gives them keys, times and the user."""
        from pyVmomi import vim

        event = vim.event.EventEx(
            # What an event must have, and vcsim sets anew.
            key=0,
            chainId=0,
            createdTime=datetime.now(UTC),
            userName="",
            eventTypeId=kind,
            message="It was so.",
            # Without an object vcsim fails, and answers nothing from then on.
            objectType=vim.VirtualMachine,
            objectId=self.reference,
        )
        manager = self._service.RetrieveContent().eventManager
        assert manager is not None
        for _ in range(count):
            manager.PostEvent(event, None)


@asynccontextmanager
async def history_of(host: Vcsim) -> AsyncIterator[tuple[EventHistory, Rung]]:
    """Open the event history, and give with it what tells the event that rang last."""
    uri = ConnectionURI.parse(host.connection_uri)
    async with Transport(uri.endpoint, ssl_context=None) as transport:
        session = await Session.open(transport, uri, Credentials(host.user, host.password))
        now = await session.call(calls.current_time())
        history = await EventHistory.open(
            session, complaints=Complaints("test"), not_understood=odd_things(), since=now
        )
        assert history is not None

        async def rung() -> HistoryEvent:
            shown = calls.retrieve_properties(
                session.content.property_collector, [history_filter(history.doorbell)]
            )
            [content] = await session.call(shown)
            match content.properties["latestPage"]:
                case (HistoryEvent() as event,):
                    return event
                case other:
                    raise AssertionError(f"the doorbell shows {other}")

        yield history, rung


@pytest.mark.pyvmomi
@pytest.mark.parametrize("model", ["vpx", "esx"])
async def test_the_events_of_an_operation_and_posted_ones_are_read(
    model: str, vcsim: StartVcsim, connect: Connect
) -> None:
    """The outcome with its user, and an event that goes by its identifier and object."""
    host = vcsim("esx" if model == "esx" else "vpx")
    user = User(host, connect)
    async with history_of(host) as (history, rung):
        await asyncio.to_thread(user.power_off)
        await asyncio.to_thread(user.post, TERMINATED)
        await asyncio.to_thread(user.post, "com.example.NotFollowed")

        events = await history.read(await rung())

    assert [(event.type, event.domain, event.user) for event in events] == [
        ("VmPoweredOffEvent", user.reference, "root"),
        (TERMINATED, user.reference, "root"),
    ]
    assert events[1].message == "It was so."


@pytest.mark.pyvmomi
@pytest.mark.parametrize("model", ["vpx", "esx"])
async def test_a_change_comes_with_its_event(
    model: str, vcsim: StartVcsim, connect: Connect
) -> None:
    """The property, the task and the event of one operation explain each other."""
    host = vcsim("esx" if model == "esx" else "vpx")
    user = User(host, connect)
    async with at(host) as followed:
        assert await followed.told() == "connected"
        await asyncio.to_thread(user.power_off)
        assert (await followed.told()).endswith("stopped destroyed")

    stopped = followed.last
    assert isinstance(stopped, DomainEvent)
    assert stopped.domain.reference == user.reference
    assert stopped.evidence.event is not None
    assert stopped.evidence.event.type == "VmPoweredOffEvent"
    assert stopped.evidence.event.user == "root"  # its tasks are all of a user "vcsim"


@pytest.mark.pyvmomi
async def test_a_storm_behind_a_doorbell_of_one_is_read_to_its_end(
    vcenter: Vcsim, connect: Connect
) -> None:
    """500 events between two answers, of which the doorbell shows the last."""
    user = User(vcenter, connect)
    async with history_of(vcenter) as (history, rung):
        await asyncio.to_thread(user.post, TERMINATED, 500)
        keys = [event.key for event in await history.read(await rung())]

    assert len(keys) == 500
    assert keys == list(range(keys[0], keys[0] + 500))


@pytest.mark.pyvmomi
async def test_a_storm_that_pushes_out_the_place_of_the_reading_is_read_as_far_as_it_is_kept(
    vcenter: Vcsim, connect: Connect
) -> None:
    """vcsim keeps 1,000 events, and a collector whose place is gone gives empty pages for good."""
    user = User(vcenter, connect)
    async with history_of(vcenter) as (history, rung):
        await asyncio.to_thread(user.post, TERMINATED)
        [first] = await history.read(await rung())
        await asyncio.to_thread(user.post, TERMINATED, 1100)
        keys = [event.key for event in await history.read(await rung())]

    assert len(keys) >= 1000
    assert keys == list(range(first.key + 1101 - len(keys), first.key + 1101))


# --- operations -----------------------------------------------------------------------------------


class Operated(Following):
    """A connection on which things are done to one of the domains."""

    def __init__(self, host: Vcsim) -> None:
        self._ended: list[TaskEvent] = []
        self._has_ended = asyncio.Event()
        super().__init__(host.connection_uri, password=host.password)

    def _publish(
        self, events: Sequence[Event], picture: PictureChange | None = None
    ) -> Sequence[EventRecord]:
        tasks = [event for event in events if isinstance(event, TaskEvent)]
        self._ended += [task for task in tasks if task.type in ("success", "error")]
        has_ended, self._has_ended = self._has_ended, asyncio.Event()
        has_ended.set()
        return super()._publish(events, picture)

    @property
    def domain(self) -> Domain:
        """The first of the domains, as it is known now."""
        return self.connection.domains()[0].domain

    @property
    def state(self) -> DomainState:
        """Its present state."""
        return self.connection.domains()[0].state

    async def do(self, operation: str) -> OperationResult:
        """Do something to it."""
        async with asyncio.timeout(PATIENCE):
            return await self.connection.operate(
                self.domain, DomainOperation(operation), by=Requester(user="ops")
            )

    async def end_of(self, result: OperationResult) -> TaskEvent:
        """Return the event that the task of an operation has ended."""
        assert result.task is not None
        async with asyncio.timeout(PATIENCE):
            while True:
                for event in self._ended:
                    if event.evidence.task and event.evidence.task.key == result.task.key:
                        return event
                await self._has_ended.wait()


@asynccontextmanager
async def operated(host: Vcsim) -> AsyncIterator[Operated]:
    """Follow a host once it is in sync, for as long as the block lasts."""
    followed = Operated(host)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(followed.connection.run())
        assert await followed.told() == "connected"
        yield followed
        running.cancel()


@pytest.mark.parametrize("model", ["vpx", "esx"])
async def test_each_operation_is_done_and_its_task_is_told(model: str, vcsim: StartVcsim) -> None:
    """Every domain is on at first; the state and the events agree with what was done."""
    host = vcsim("esx" if model == "esx" else "vpx")
    course = [
        ("destroy", "VirtualMachine.powerOff", "stopped destroyed", DomainState.SHUTOFF),
        ("start", "VirtualMachine.powerOn", "started booted", DomainState.RUNNING),
        ("suspend", "VirtualMachine.suspend", "suspended paused", DomainState.PAUSED),
        ("resume", "VirtualMachine.powerOn", "resumed unpaused", DomainState.RUNNING),
        ("reset", "VirtualMachine.reset", None, DomainState.RUNNING),
    ]
    async with operated(host) as followed:
        name = followed.domain.name
        for operation, description_id, sentence, state in course:
            result = await followed.do(operation)
            if sentence is not None:
                assert await followed.told() == f"{name} {sentence}"
            event = await followed.end_of(result)

            assert result.task is not None
            assert (result.task.state, event.type) == ("success", "success")
            assert result.task.description_id == description_id
            assert event.domain.name == name
            assert followed.state is state
        assert not followed.has_more


@pytest.mark.parametrize("model", ["vpx", "esx"])
async def test_a_guest_that_is_asked_to_shut_down_does_so(model: str, vcsim: StartVcsim) -> None:
    """There is no task to wait for; what comes of it is told later."""
    host = vcsim("esx" if model == "esx" else "vpx")
    async with operated(host) as followed:
        result = await followed.do("shutdown")
        assert result.task is None

        told = [await followed.told()]
        while " stopped " not in told[-1]:
            told.append(await followed.told())

        assert followed.state is DomainState.SHUTOFF
        name = followed.domain.name
        assert told == [f"{name} shutdown guest", f"{name} stopped shutdown"]


@pytest.mark.parametrize("model", ["vpx", "esx"])
async def test_an_operation_that_the_state_forbids_is_not_begun(
    model: str, vcsim: StartVcsim
) -> None:
    """It is on already."""
    host = vcsim("esx" if model == "esx" else "vpx")
    async with operated(host) as followed:
        with pytest.raises(OperationInvalid):
            await followed.do("start")
        assert not followed.has_more


# --- refusals -------------------------------------------------------------------------------------


async def test_a_wrong_password_is_said_in_vcsims_words(vcenter: Vcsim) -> None:
    """One try, and the user is named."""
    vcenter.password = "wrong"
    async with at(vcenter) as followed:
        assert str(await followed.failure()) == (
            f"{followed.source} refused the login of user 'root': Login failure; check the user "
            f"name and the password (tried again after 15 minutes, or by a restart of eventd)"
        )


async def test_another_product_is_said(vcsim: StartVcsim) -> None:
    """An esx URI at a vCenter gets no password."""
    host = vcsim("vpx")
    host.model = "esx"
    async with at(host) as followed:
        sentence = str(await followed.failure())

    assert sentence.startswith(f"{followed.source} is 'VMware vCenter Server")
    assert sentence.endswith("(product line 'vpx'), which is reached with vpx://")
