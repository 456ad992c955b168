"""One client of libvirt's protocol, without its socket: bytes come in, calls and bytes go out.

Feed it what comes; take calls from it one at a time, and give each its results or its error when
they are there: later calls may be answered sooner. What is about the protocol alone it answers
itself. After each of these, `take_output` has what is to be written.

::

    phase     a call of                                    goes on to
    NEW       auth_list, supports_feature, open, close     OPEN, when its opening is answered
    OPEN      all but open                                 ENDED, when its closing is answered
    ENDED     none: what comes is not looked at            -
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, IntEnum, auto
from typing import Any, NamedTuple

from eventd.errors import UndecodableMessage
from eventd.libvirt_rpc import failures
from eventd.libvirt_rpc.messages import (
    KEEPALIVE_PROGRAM,
    PING,
    PONG,
    REMOTE_ERROR,
    REMOTE_PROGRAM,
    VERSION,
    Frames,
    Header,
    Kind,
    RemoteError,
    Status,
    message,
)
from eventd.libvirt_rpc.procedures import NOT_SERVED, PROCEDURES, Procedure

__all__ = ["OWN_ANSWERS", "Call", "Phase", "Session", "Step"]

_AUTH_NONE = 0
"""``REMOTE_AUTH_NONE``: who may open the socket is let in."""

_READ_ONLY = 1
"""``VIR_CONNECT_RO``. The other flags of an opening are a client's own affair."""


class Phase(Enum):
    """How far a session is."""

    NEW = auto()
    OPEN = auto()
    ENDED = auto()


class Feature(IntEnum):
    """``virDrvFeature``, as far as eventd has them."""

    TYPED_PARAM_STRING = 9
    PROGRAM_KEEPALIVE = 10
    """Clients may ping. eventd does not: a Unix socket tells by itself when its peer is gone, and
    who is stopped for a while is not to lose events for it."""
    REMOTE_EVENT_CALLBACK = 14
    REMOTE_CLOSE_CALLBACK = 15


class Step(Enum):
    """What came of a message that is nobody's to answer."""

    NOTHING = auto()
    """There is no complete one."""
    ANSWERED = auto()
    """The session has answered it, or passed it by."""


class Call(NamedTuple):
    """What a client asks for."""

    header: Header
    procedure: Procedure
    arguments: tuple[Any, ...]


OWN_ANSWERS = frozenset(
    {
        "auth_list",
        "close",
        "register_close_callback",
        "supports_feature",
        "unregister_close_callback",
    }
)
"""Procedures that are about the protocol alone."""

_BEFORE_OPENING = frozenset({"auth_list", "supports_feature", "open", "close"})


class Session:
    """The protocol's side of one client. ``is_read_only`` says what its socket lets it do."""

    def __init__(self, *, is_read_only: bool) -> None:
        self.phase = Phase.NEW
        self.is_read_only = is_read_only
        """Whether it may change nothing, by its socket or because it has said so itself."""
        self.unanswered = 0
        """How many calls wait for their answer."""
        self._frames = Frames()
        self._output = bytearray()

    def feed(self, data: bytes) -> None:
        """Take what has come from the client."""
        self._frames.feed(data)

    @property
    def waiting(self) -> int:
        """How many bytes `take_output` would return."""
        return len(self._output)

    def take_output(self) -> bytes:
        """Return what is to be written to the client, and is not written yet."""
        output = bytes(self._output)
        self._output.clear()
        return output

    def next_call(self) -> Call | None:
        """Return the next call that is for others to answer; None until there is one.

        Raises:
            UndecodableMessage: nothing that follows can be understood, and the client has to go.
        """
        while (found := self.step()) is Step.ANSWERED:
            pass
        return found if isinstance(found, Call) else None

    def step(self) -> Call | Step:
        """Look at one message; return it if it is a call that is for others to answer.

        Raises:
            UndecodableMessage: nothing that follows can be understood, and the client has to go.
        """
        try:
            frame = None if self.phase is Phase.ENDED else self._frames.next()
            if frame is None:
                return Step.NOTHING
            call = self._look_at(*frame)
        except UndecodableMessage:
            self.phase = Phase.ENDED
            raise
        if call is None:
            return Step.ANSWERED
        self.unanswered += 1
        return call

    def _look_at(self, header: Header, payload: bytes) -> Call | None:
        if header.kind in (Kind.CALL_WITH_FDS, Kind.REPLY_WITH_FDS):
            # A descriptor follows each as a byte of its own, which only its socket could take.
            raise UndecodableMessage("a message has file descriptors, which nobody has offered")
        if header.kind != Kind.CALL:
            # As libvirtd: what else nobody has asked for is not looked at.
            self._keep_alive(header)
            return None
        if (header.program, header.version) != (REMOTE_PROGRAM, VERSION):
            self._send_error(header, failures.unknown_program(header))
            return None
        return self._called(header, payload)

    def _keep_alive(self, header: Header) -> None:
        if header[:4] == (KEEPALIVE_PROGRAM, VERSION, PING, Kind.MESSAGE):
            self._send(header._replace(procedure=PONG, kind=Kind.MESSAGE, status=Status.OK))

    def _called(self, header: Header, payload: bytes) -> Call | None:
        procedure = PROCEDURES.get(header.procedure)
        if procedure is None:
            name = NOT_SERVED.get(header.procedure)
            self._send_error(
                header,
                failures.unsupported(name) if name else failures.unknown_procedure(header),
            )
            return None
        if (error := self._refusal(procedure)) is not None:
            self._send_error(header, error)
            return None
        try:
            arguments = procedure.read_arguments(payload)
        except UndecodableMessage as undecodable:
            self._send_error(header, failures.error_of(undecodable))
            return None
        call = Call(header, procedure, arguments)
        results = self._own_answer(call)
        if results is None:
            return call
        self._send_results(call, results)
        return None

    def _refusal(self, procedure: Procedure) -> RemoteError | None:
        if self.phase is Phase.NEW and procedure.name not in _BEFORE_OPENING:
            return failures.not_open()
        if self.phase is Phase.OPEN and procedure.name == "open":
            return failures.already_open()
        if procedure.writes and self.is_read_only:
            return failures.forbidden(procedure)
        return None

    def _own_answer(self, call: Call) -> Sequence[Any] | None:
        match call.procedure.name, call.arguments:
            case "auth_list", _:
                return [[_AUTH_NONE]]
            case "supports_feature", (feature,):
                return [int(feature in tuple(Feature))]
            case (("register_close_callback" | "unregister_close_callback"), _):
                # It would be told of the end of one host; it sees that of the socket by itself.
                return []
            case "close", _:
                self.phase = Phase.ENDED
                return []
            case _:
                return None

    # -- answers

    def answer(self, call: Call, results: Sequence[Any]) -> None:
        """Give a call its results.

        Raises:
            ValueError, struct.error: they are none of its procedure, and nothing was written.
        """
        self._send_results(call, results)
        self.unanswered -= 1
        if call.procedure.name == "open":
            _, flags = call.arguments
            self.phase = Phase.OPEN
            self.is_read_only = self.is_read_only or bool(flags & _READ_ONLY)

    def refuse(self, call: Call, error: RemoteError) -> None:
        """Give a call its error."""
        self.unanswered -= 1
        self._send_error(call.header, error)

    def send(self, told: bytes) -> None:
        """Let a complete message go out: an event."""
        self._output += told

    def _send_results(self, call: Call, results: Sequence[Any]) -> None:
        header = call.header._replace(kind=Kind.REPLY, status=Status.OK)
        self._send(header, call.procedure.write_results(results))

    def _send_error(self, header: Header, error: RemoteError) -> None:
        replied = header._replace(kind=Kind.REPLY, status=Status.ERROR)
        self._send(replied, REMOTE_ERROR.encode(error))

    def _send(self, header: Header, payload: bytes = b"") -> None:
        self._output += message(header, payload)
