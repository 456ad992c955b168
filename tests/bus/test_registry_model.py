"""The registry against a naive model, in random play.

The model keeps one list, searches it from end to end for each event, and clears its queue when
nobody is left, as libvirt's ``src/conf/object_event.c`` does. What a callback does when it is
called is a program, that is data, so that both sides can run it. Both write down all that
happens; the two logs must be equal.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from structlog.testing import capture_logs

from eventd.bus.registry import Callback, Owner, Registration, Registry
from eventd.errors import EventdError, InvalidArgument, LimitReached
from eventd.journal.memory import MemoryJournal
from eventd.model.domain import Domain
from eventd.model.events import DomainRebooted, DomainStarted
from eventd.model.evidence import Cause, Evidence
from eventd.model.ids import EventKind
from eventd.model.lifecycle import StartedDetail

NOW = datetime(2026, 11, 20, 11, 51, 59, tzinfo=UTC)
UUIDS = ("4215d4a2-0c1d-4f6e-8a55-2d1f0a1b2c3d", "4215d4a2-0c1d-4f6e-8a55-2d1f0a1b2c3e")
KINDS = (EventKind.LIFECYCLE, EventKind.REBOOT)
OWNERS = (Owner("daemon"), Owner("http-1", pid=7, uid=0), Owner("http-2", pid=7, uid=0))
LIMIT = 5
MOST_WAITING = 6


# What can be done, by the test as well as by a callback


@dataclass(frozen=True)
class Register:
    kind: EventKind
    domain: str | None
    owner: Owner
    program: int


@dataclass(frozen=True)
class RegisterLegacy:
    owner: Owner
    program: int


@dataclass(frozen=True)
class Deregister:
    which: int | None
    """The registration so many before the newest; None is the callback's own."""
    owner: Owner | None
    """Who tries; None is the one who registered."""


@dataclass(frozen=True)
class DeregisterLegacy:
    owner: Owner
    program: int


@dataclass(frozen=True)
class Purge:
    owner: Owner


@dataclass(frozen=True)
class Publish:
    kind: EventKind
    domain: str


@dataclass(frozen=True)
class Fail:
    """The callback raises."""


Action = Register | RegisterLegacy | Deregister | DeregisterLegacy | Purge | Publish | Fail
Program = tuple[Action, ...]

kinds, uuids, owners = st.sampled_from(KINDS), st.sampled_from(UUIDS), st.sampled_from(OWNERS)
numbers = st.integers(0, 3)
actions = st.one_of(
    st.builds(Register, kinds, st.none() | uuids, owners, numbers),
    st.builds(RegisterLegacy, owners, numbers),
    st.builds(Deregister, st.none() | st.integers(0, 6), st.none() | owners),
    st.builds(DeregisterLegacy, owners, numbers),
    st.builds(Purge, owners),
    st.builds(Publish, kinds, uuids),
)
programs = st.lists(actions | st.just(Fail()), max_size=3).map(tuple)


class FailedOnPurpose(Exception):
    pass


class Side(ABC):
    """One of the two that are compared: carries actions out and writes down what happens."""

    def __init__(self, programs: list[Program]) -> None:
        self.programs = programs
        self.log: list[tuple[object, ...]] = []
        self.issued: list[tuple[int, Owner]] = []
        self.waiting = 0

    def do(self, action: Action, own: int | None = None) -> None:
        try:
            self._do(action, own)
        except EventdError as refusal:
            self.log.append((action, type(refusal)))

    def _do(self, action: Action, own: int | None) -> None:
        match action:
            case Register(owner=owner):
                self._issue(self.register(action), owner)
            case RegisterLegacy(owner=owner):
                self._issue(self.register_legacy(action), owner)
            case Deregister(which, owner):
                callback_id, maker = self._find(own, which)
                self.deregister(callback_id, owner or maker)
                self.log.append(("deregistered", callback_id))
            case DeregisterLegacy():
                self.deregister_legacy(action)
            case Purge(owner):
                self.purge(owner)
            case Publish():
                # Callbacks that publish for each event would multiply events without end.
                if self.waiting < MOST_WAITING:
                    self.waiting += 1
                    self.publish(action)
            case Fail():
                raise FailedOnPurpose
            case _:
                assert_never(action)

    def _issue(self, callback_id: int, owner: Owner) -> None:
        self.issued.append((callback_id, owner))
        self.log.append(("registered", callback_id))

    def _find(self, own: int | None, which: int | None) -> tuple[int, Owner]:
        if which is None and own is not None:
            return own, dict(self.issued)[own]
        back = (which or 0) + 1
        return self.issued[-back] if back <= len(self.issued) else (9999, OWNERS[0])

    def call(self, callback_id: int, sequence: int, program: int) -> None:
        self.log.append(("called", callback_id, sequence))
        for action in self.programs[program]:
            self.do(action, callback_id)

    def turn(self) -> None:
        self.waiting = 0
        self.flush()

    @abstractmethod
    def register(self, action: Register) -> int: ...
    @abstractmethod
    def register_legacy(self, action: RegisterLegacy) -> int: ...
    @abstractmethod
    def deregister(self, callback_id: int, owner: Owner) -> None: ...
    @abstractmethod
    def deregister_legacy(self, action: DeregisterLegacy) -> None: ...
    @abstractmethod
    def purge(self, owner: Owner) -> None: ...
    @abstractmethod
    def publish(self, action: Publish) -> None: ...
    @abstractmethod
    def flush(self) -> None: ...
    @abstractmethod
    def listing(self) -> list[tuple[object, ...]]: ...


class Real(Side):
    """The registry, with a callable for each program."""

    def __init__(self, programs: list[Program], strict: bool) -> None:
        super().__init__(programs)
        self.registry = Registry(limit_per_client=LIMIT, strict_libvirt=strict)
        self.journal = MemoryJournal("test")
        self.callbacks = [self._callback(number) for number in range(len(programs))]

    def _callback(self, program: int) -> Callback:
        return lambda record, own: self.call(own[0], record.sequence, program)

    def register(self, action: Register) -> int:
        own: list[int] = []  # has the callback's id as soon as it is known
        own.append(
            self.registry.register(
                action.kind,
                self.callbacks[action.program],
                domain=action.domain,
                owner=action.owner,
                opaque=own,
                free=self._free,
            )
        )
        return own[0]

    def register_legacy(self, action: RegisterLegacy) -> int:
        own: list[int] = []
        own.append(
            self.registry.register_legacy(
                self.callbacks[action.program], owner=action.owner, opaque=own, free=self._free
            )
        )
        return own[0]

    def _free(self, own: list[int]) -> None:
        self.log.append(("freed", own[0]))
        if own[0] % 3 == 0:
            raise FailedOnPurpose

    def deregister(self, callback_id: int, owner: Owner) -> None:
        self.registry.deregister(callback_id, owner=owner)

    def deregister_legacy(self, action: DeregisterLegacy) -> None:
        self.registry.deregister_legacy(self.callbacks[action.program], owner=action.owner)

    def purge(self, owner: Owner) -> None:
        self.registry.purge_owner(owner)

    def publish(self, action: Publish) -> None:
        self.registry.enqueue(self.journal.append([_event(action)], now=NOW))

    def flush(self) -> None:
        self.registry.flush(Registration.call)

    def listing(self) -> list[tuple[object, ...]]:
        return [(r.id, r.kind, r.domain, r.owner, r.legacy) for r in self.registry.registrations()]


@dataclass
class Wish:
    id: int
    kind: EventKind
    domain: str | None
    owner: Owner
    program: int
    legacy: bool
    after: int
    deleted: bool = False


class Model(Side):
    """The contract in its plainest form."""

    def __init__(self, programs: list[Program], strict: bool) -> None:
        super().__init__(programs)
        self.strict = strict
        self.wishes: list[Wish] = []
        self.deleted: list[Wish] = []
        self.queue: list[tuple[int, Publish]] = []
        self.sequence = 0
        self.dispatched: int | None = None

    def alive(self, owner: Owner) -> list[Wish]:
        return [wish for wish in self.wishes if wish.owner == owner and not wish.deleted]

    def register(self, action: Register) -> int:
        return self.admit(action.kind, action.domain, action.owner, action.program, legacy=False)

    def register_legacy(self, action: RegisterLegacy) -> int:
        return self.admit(EventKind.LIFECYCLE, None, action.owner, action.program, legacy=True)

    def admit(
        self, kind: EventKind, domain: str | None, owner: Owner, program: int, *, legacy: bool
    ) -> int:
        for wish in self.alive(owner):
            same = (wish.kind, wish.domain, wish.program) == (kind, domain, program)
            if same and wish.legacy == legacy and (legacy or self.strict):
                raise InvalidArgument("tracked")
        if len(self.alive(owner)) == LIMIT:
            raise LimitReached("limit")
        after = self.sequence if self.dispatched is None else self.dispatched
        wish = Wish(len(self.issued), kind, domain, owner, program, legacy, after)
        self.wishes.append(wish)
        return wish.id

    def deregister(self, callback_id: int, owner: Owner) -> None:
        for wish in self.alive(owner):
            if wish.id == callback_id and not wish.legacy:
                return self.delete(wish)
        raise InvalidArgument("not found")

    def deregister_legacy(self, action: DeregisterLegacy) -> None:
        for wish in self.alive(action.owner):
            if wish.program == action.program and wish.legacy:
                return self.delete(wish)
        raise InvalidArgument("not registered")

    def purge(self, owner: Owner) -> None:
        for wish in self.alive(owner):
            self.delete(wish)

    def delete(self, wish: Wish) -> None:
        wish.deleted = True
        self.deleted.append(wish)
        if self.dispatched is None:
            self.sweep()

    def sweep(self) -> None:
        for wish in self.deleted:
            self.wishes.remove(wish)
            self.log.append(("freed", wish.id))
        self.deleted.clear()
        if not self.wishes:
            self.queue.clear()

    def publish(self, action: Publish) -> None:
        self.sequence += 1
        if self.wishes:
            self.queue.append((self.sequence, action))

    def flush(self) -> None:
        queue, self.queue = self.queue, []
        for sequence, event in queue:
            self.dispatched = sequence
            for wish in list(self.wishes):
                wanted = wish.kind == event.kind and wish.domain in (None, event.domain)
                if wanted and wish.after < sequence and not wish.deleted:
                    with suppress(FailedOnPurpose):
                        self.call(wish.id, sequence, wish.program)
        self.dispatched = None
        self.sweep()

    def listing(self) -> list[tuple[object, ...]]:
        return [(w.id, w.kind, w.domain, w.owner, w.legacy) for w in self.wishes]


def _event(action: Publish) -> DomainStarted | DomainRebooted:
    domain = Domain(connection="esx01", reference="vm-42", uuid=action.domain, name="web", id=42)
    evidence = Evidence(cause=Cause.UNKNOWN)
    source = "esx://esx01.example/"
    if action.kind is EventKind.REBOOT:
        return DomainRebooted(occurred_at=NOW, source=source, domain=domain, evidence=evidence)
    return DomainStarted(
        occurred_at=NOW,
        source=source,
        domain=domain,
        evidence=evidence,
        detail=StartedDetail.BOOTED,
    )


class Play(RuleBasedStateMachine):
    """Does the same on both sides."""

    @initialize(programs=st.lists(programs, min_size=4, max_size=4), strict=st.booleans())
    def begin(self, programs: list[Program], strict: bool) -> None:
        self.real, self.model = Real(programs, strict), Model(programs, strict)

    @rule(action=actions)
    def act(self, action: Action) -> None:
        self.real.do(action)
        self.model.do(action)

    @rule()
    def flush(self) -> None:
        self.real.turn()
        self.model.turn()

    @invariant()
    def the_same_has_happened(self) -> None:
        assert self.real.log == self.model.log
        assert self.real.listing() == self.model.listing()

    def teardown(self) -> None:
        for owner in OWNERS:
            self.real.purge(owner)
        issued = [callback_id for callback_id, _ in self.real.issued]
        freed = Counter(entry[1] for entry in self.real.log if entry[0] == "freed")
        assert issued == list(range(len(issued)))
        assert freed == Counter(issued)


def test_registry_and_naive_model_do_the_same_whatever_is_played() -> None:
    """Ids, calls, their order, refusals, listings and frees are those of the model."""
    with capture_logs():  # callbacks and frees that fail on purpose are logged
        run_state_machine_as_test(
            Play, settings=settings(max_examples=150, stateful_step_count=40, deadline=None)
        )
