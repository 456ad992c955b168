"""From a request to its answer, without I/O: who calls, whether he may, and which method it is."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from eventd.errors import InvalidArgument as InvalidRequest
from eventd.simulator.answers import AnswerWriter
from eventd.simulator.calls import Answer, Call, Method, Waiting
from eventd.simulator.methods import METHODS
from eventd.simulator.sessions import Session, Sessions
from eventd.simulator.world import VIFault, World
from eventd.simulator.world.faults import (
    ManagedObjectNotFound,
    MethodNotFound,
    NotAuthenticated,
)
from eventd.vi.soap import SoapRequest, parse_request

__all__ = ["Reply", "Service", "Wait"]

_CALLS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; ``is_fault`` makes it HTTP status 500."""

    body: bytes
    is_fault: bool = False


class Wait:
    """A call that is not answered yet: `poll` it when something has changed, and at `deadline`."""

    def __init__(self, service: Service, method: str, waiting: Waiting) -> None:
        self._service = service
        self._method = method
        self._waiting = waiting

    @property
    def deadline(self) -> datetime | None:
        """When the wait is over, if ever."""
        return self._waiting.deadline

    def poll(self, now: datetime) -> Reply | None:
        """The answer, if there is one now."""
        try:
            content = self._waiting.poll()
        except VIFault as fault:
            return self._service.refuse(fault)
        if content is None and self.deadline is not None and self.deadline <= now:
            content = self._waiting.at_deadline
        if content is None:
            return None
        return Reply(self._service.writer.response(self._method, content))


class Service:
    """Answers requests on a world.

    ``page_size`` is the number of objects per page (100 on vCenter, whatever the client asks
    for), and ``empty_update_interval`` lets the old `WaitForUpdates` answer that nothing has
    changed after that time, which no real host does.
    """

    def __init__(
        self,
        world: World,
        *,
        password: str = "pass",  # noqa: S107 -- a simulator's, documented
        page_size: int = 100,
        empty_update_interval: timedelta | None = None,
    ) -> None:
        self.world = world
        self.writer = AnswerWriter(world.schema)
        self.sessions = Sessions(world, page_size=page_size)
        self.calls: deque[SoapRequest] = deque(maxlen=_CALLS_KEPT)
        """The last calls that came in, for tests to look at."""
        self._password = password
        self._empty_update_interval = empty_update_interval

    def read(self, request: bytes) -> SoapRequest | Reply:
        """Read a request; where it is none, the answer that says so."""
        try:
            return parse_request(request)
        except InvalidRequest as error:
            return self.refuse(VIFault("InvalidRequest", error.message))

    def call(self, soap: SoapRequest, session: Session, now: datetime) -> Reply | Wait:
        """Answer a call, or say that it waits."""
        self.world.advance(now)
        self.calls.append(soap)
        try:
            answer = self._answer(soap, session)
        except VIFault as fault:
            return self.refuse(fault)
        if isinstance(answer, Waiting):
            wait = Wait(self, soap.method, answer)
            return wait.poll(self.world.now) or wait
        return Reply(self.writer.response(soap.method, answer))

    def refuse(self, fault: VIFault) -> Reply:
        """The reply that reports a fault."""
        return Reply(self.writer.fault(fault), is_fault=True)

    def _answer(self, soap: SoapRequest, session: Session) -> Answer:
        method = self._find(soap)
        if session.user is None and not method.is_open:
            raise NotAuthenticated(soap.this)
        if soap.this not in self.world.objects and not session.owns(soap.this):
            raise ManagedObjectNotFound(soap.this)
        if fault := self.world.take_scripted_fault(soap.method):
            raise fault
        return method.answer(
            Call(
                self.world,
                self.sessions,
                session,
                self.writer,
                self._password,
                self._empty_update_interval,
                self.world.now,
                soap.this,
                soap.call,
            )
        )

    def _find(self, soap: SoapRequest) -> Method:
        method = METHODS.get(soap.method)
        schema = self.world.schema
        if (
            method is None
            or not schema.has(method.since)
            or not schema.is_a(soap.this.type, method.on)
        ):
            raise MethodNotFound(soap.this, soap.method)
        return method
