"""What a loop is needed for: later turns, coroutines, draining, readers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from structlog.testing import capture_logs

from eventd import metrics
from eventd.bus.delivery import Delivery
from eventd.bus.registry import DAEMON, Owner, Registry
from eventd.model.record import EventRecord

Happen = Callable[..., EventRecord]

ALICE = Owner("http-1", pid=100, uid=1000)


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
async def delivery(registry: Registry) -> AsyncIterator[Delivery]:
    async with Delivery(registry, backlog=3, grace=0) as running:
        yield running


async def turn() -> None:
    """Let the loop go round once: what was scheduled before has run when this returns."""
    await asyncio.sleep(0)


def errors_counted() -> float:
    return metrics.REGISTRY.get_sample_value("eventd_callback_errors_total") or 0


class Coroutines:
    """An asynchronous callback whose calls end when the test says so."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.freed: list[object] = []
        self._may_end = asyncio.Event()

    async def callback(self, record: EventRecord, opaque: object) -> None:
        self.begun.append(record.sequence)
        await self._may_end.wait()
        self.ended.append(record.sequence)

    def free(self, opaque: object) -> None:
        self.freed.append(opaque)

    def let_go(self) -> None:
        self._may_end.set()


# Later turns


async def test_a_callback_is_never_called_by_the_one_who_publishes(
    registry: Registry, delivery: Delivery, happen: Happen
) -> None:
    """It is called in a later turn of the loop."""
    seen: list[int] = []
    registry.register(0, lambda record, opaque: seen.append(record.sequence))
    delivery.publish([happen()])
    assert seen == []
    await turn()
    assert seen == [1]


async def test_what_a_sync_callback_returns_is_ignored(
    registry: Registry, delivery: Delivery, happen: Happen
) -> None:
    """libvirt's lifecycle callbacks return an int that means nothing."""
    seen: list[int] = []

    def answer(record: EventRecord, opaque: object) -> int:
        seen.append(record.sequence)
        return -1

    registry.register(0, answer)
    with capture_logs() as logs:
        delivery.publish([happen(), happen()])
        await turn()
    assert seen == [1, 2]
    assert logs == []


async def test_all_that_one_turn_publishes_is_flushed_at_once(
    registry: Registry, delivery: Delivery, happen: Happen
) -> None:
    """However often it is published, there is one flush, in journal order."""
    batches: list[Sequence[EventRecord]] = []
    delivery.add_reader(batches.append)
    first, second, third = happen(), happen(), happen()
    delivery.publish([first])
    delivery.publish([])
    delivery.publish([second, third])
    await turn()
    assert batches == [(first, second, third)]


async def test_nothing_published_is_no_flush(delivery: Delivery) -> None:
    """A reader is not called for nothing."""
    batches: list[Sequence[EventRecord]] = []
    delivery.add_reader(batches.append)
    delivery.publish([])
    await turn()
    assert batches == []


async def test_what_a_callback_publishes_comes_in_the_next_turn(
    registry: Registry, delivery: Delivery, happen: Happen
) -> None:
    """All others have the event at hand before."""
    batches: list[Sequence[EventRecord]] = []
    delivery.add_reader(batches.append)
    caused: list[EventRecord] = []

    def cause_another(record: EventRecord, opaque: object) -> None:
        if not caused:
            caused.append(happen())
            delivery.publish(caused)

    registry.register(0, cause_another)
    first = happen()
    delivery.publish([first])
    await turn()
    assert batches == [(first,)]
    await turn()
    assert batches == [(first,), tuple(caused)]


async def test_publishing_outside_of_the_block_is_refused(
    registry: Registry, happen: Happen
) -> None:
    """Without a loop that delivers, events would wait for ever."""
    delivery = Delivery(registry)
    with pytest.raises(RuntimeError, match="Delivery is not running"):
        delivery.publish([happen()])
    async with delivery:
        pass
    with pytest.raises(RuntimeError, match="Delivery is not running"):
        delivery.publish([happen()])


# Coroutines


async def test_calls_of_one_async_callback_run_one_after_another(
    registry: Registry, delivery: Delivery, happen: Happen
) -> None:
    """The order of events is kept for each registration."""
    slow = Coroutines()
    callback_id = registry.register(0, slow.callback)
    delivery.publish([happen(), happen(), happen()])
    await turn()
    await turn()
    assert (slow.begun, slow.ended) == ([1], [])
    slow.let_go()
    await delivery.drain(callback_id)
    assert slow.begun == slow.ended == [1, 2, 3]


async def test_a_slow_async_callback_delays_no_other(
    registry: Registry, delivery: Delivery, happen: Happen
) -> None:
    """Not even a further registration of the same callable."""
    slow, seen = Coroutines(), list[int]()
    registry.register(0, slow.callback)
    registry.register(0, lambda record, opaque: seen.append(record.sequence))
    registry.register(0, slow.callback)
    delivery.publish([happen(), happen()])
    await turn()
    await turn()
    assert seen == [1, 2]
    assert slow.begun == [1, 1]
    slow.let_go()


async def test_an_async_callback_may_go_on_being_called_after_it_was_idle(
    registry: Registry, delivery: Delivery, happen: Happen
) -> None:
    """Its task ends with its work; the next event begins another."""
    quick = Coroutines()
    quick.let_go()
    callback_id = registry.register(0, quick.callback)
    for _ in range(3):
        delivery.publish([happen()])
        await turn()
        await delivery.drain(callback_id)
    assert quick.ended == [1, 2, 3]


async def test_an_event_in_the_turn_in_which_a_callback_ends_is_not_lost(
    registry: Registry, delivery: Delivery, happen: Happen
) -> None:
    """However the end of one call and the next flush follow each other in the loop."""
    quick = Coroutines()
    quick.let_go()
    callback_id = registry.register(0, quick.callback, free=quick.free)
    for _ in range(10):
        delivery.publish([happen()])
        await turn()
    registry.deregister(callback_id)
    await delivery.drain(callback_id)
    assert quick.ended == list(range(1, 11))
    assert quick.freed == [None]


async def test_a_call_that_begins_as_another_ends_is_held_until_it_ends_itself(
    registry: Registry, delivery: Delivery, happen: Happen
) -> None:
    """The end of the first call, still on its way through the loop, does not free the opaque."""
    first, second = asyncio.Event(), asyncio.Event()
    freed: list[object] = []

    async def wait(record: EventRecord, opaque: object) -> None:
        await (first if record.sequence == 1 else second).wait()

    registry.register(0, wait, free=freed.append)
    delivery.publish([happen()])
    await turn()
    await turn()
    first.set()  # The task goes on in the next turn, and just after it the flush comes.
    delivery.publish([happen()])
    await turn()
    await turn()
    registry.deregister(0)
    assert freed == []
    second.set()
    await delivery.drain(0)
    assert freed == [None]


async def test_a_callback_may_be_sync_for_some_events_and_async_for_others(
    registry: Registry, delivery: Delivery, happen: Happen
) -> None:
    """What can be awaited is awaited; the order is kept all the same."""
    seen: list[int] = []

    async def later(record: EventRecord) -> None:
        await turn()
        seen.append(record.sequence)

    def sometimes(record: EventRecord, opaque: object) -> object:
        if record.sequence % 2:
            return later(record)
        seen.append(record.sequence)
        return None

    callback_id = registry.register(0, sometimes)
    delivery.publish([happen(), happen(), happen()])
    await turn()
    await delivery.drain(callback_id)
    assert seen == [1, 2, 3]


async def test_a_callback_may_return_a_future_instead_of_a_coroutine(
    registry: Registry, delivery: Delivery, happen: Happen
) -> None:
    """Whatever can be awaited is waited for before the next call."""
    futures: list[asyncio.Future[None]] = []

    def promise(record: EventRecord, opaque: object) -> asyncio.Future[None]:
        futures.append(asyncio.get_running_loop().create_future())
        return futures[-1]

    callback_id = registry.register(0, promise)
    delivery.publish([happen(), happen()])
    await turn()
    await turn()
    assert len(futures) == 1
    futures[0].set_result(None)
    await turn()
    await turn()
    assert len(futures) == 2
    futures[1].set_result(None)
    await delivery.drain(callback_id)


async def test_an_async_callback_that_raises_stays_and_goes_on(
    registry: Registry, delivery: Delivery, happen: Happen
) -> None:
    """The failure is logged and counted as that of any callback."""
    before = errors_counted()
    seen: list[int] = []

    async def fail_once(record: EventRecord, opaque: object) -> None:
        seen.append(record.sequence)
        if record.sequence == 1:
            raise ValueError("a mistake in the callback")

    callback_id = registry.register(0, fail_once)
    with capture_logs() as logs:
        delivery.publish([happen(), happen()])
        await turn()
        await delivery.drain(callback_id)
    assert seen == [1, 2]
    assert [(entry["event"], str(entry["exc_info"])) for entry in logs] == [
        ("callback failed", "a mistake in the callback")
    ]
    assert errors_counted() - before == 1


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_cancelled_future_inside_a_callback_is_a_failure_of_that_callback(
    registry: Registry, delivery: Delivery, happen: Happen, is_async: bool
) -> None:
    """It is not the cancellation of the one who called, and stops nobody."""
    cancelled = asyncio.get_running_loop().create_future()
    cancelled.cancel()
    seen: list[int] = []

    async def wait_for_it(record: EventRecord, opaque: object) -> None:
        await cancelled

    def look_into_it(record: EventRecord, opaque: object) -> None:
        cancelled.result()

    registry.register(0, wait_for_it if is_async else look_into_it)
    registry.register(0, lambda record, opaque: seen.append(record.sequence))
    with capture_logs() as logs:
        delivery.publish([happen(), happen()])
        await turn()
        await delivery.drain(0)
    assert seen == [1, 2]
    assert [entry["event"] for entry in logs] == ["callback failed"] * 2


@pytest.mark.parametrize("waits", [False, True])
async def test_a_callback_that_cancels_its_own_task_is_called_for_what_still_waits(
    registry: Registry, delivery: Delivery, happen: Happen, waits: bool
) -> None:
    """It is a failure of the one call, reported like any other."""
    seen: list[int] = []

    async def cancel_itself(record: EventRecord, opaque: object) -> None:
        task = asyncio.current_task()
        assert task is not None
        if record.sequence < 3:
            task.cancel()
        if waits or record.sequence == 3:
            await asyncio.sleep(0)
        seen.append(record.sequence)

    callback_id = registry.register(0, cancel_itself)
    with capture_logs() as logs:
        delivery.publish([happen(), happen(), happen()])
        await turn()
        await delivery.drain(callback_id)
    assert seen == ([3] if waits else [1, 2, 3])
    assert [entry["sequence"] for entry in logs] == [1, 2]


async def test_a_reader_that_raises_a_cancellation_stops_no_other(
    delivery: Delivery, happen: Happen
) -> None:
    """It is no Exception, and yet only a failure of that reader."""
    seen: list[int] = []

    def fail(records: Sequence[EventRecord]) -> None:
        raise asyncio.CancelledError

    delivery.add_reader(fail)
    delivery.add_reader(lambda records: seen.extend(record.sequence for record in records))
    with capture_logs() as logs:
        delivery.publish([happen()])
        await turn()
    assert seen == [1]
    assert [entry["event"] for entry in logs] == ["reader failed"]


async def test_an_async_callback_that_falls_behind_its_backlog_is_deregistered(
    registry: Registry, delivery: Delivery, happen: Happen
) -> None:
    """Explicitly, with an error in the log, and its opaque is freed when its call is over."""
    slow, seen = Coroutines(), list[int]()
    registry.register(0, slow.callback, owner=ALICE, opaque="x", free=slow.free)
    registry.register(0, lambda record, opaque: seen.append(record.sequence))
    with capture_logs() as logs:
        delivery.publish([happen() for _ in range(1 + 3)])
        await turn()
        assert logs == []
        delivery.publish([happen(), happen()])
        await turn()
    assert [(e["event"], e["callback_id"], e["owner"], e["waiting"]) for e in logs] == [
        ("callback deregistered: it fell too far behind", 0, "http-1", 3)
    ]
    assert [each.id for each in registry.registrations()] == [1]
    assert slow.freed == []
    slow.let_go()
    await delivery.drain(0)
    assert slow.begun == slow.ended == [1]
    assert slow.freed == ["x"]
    assert seen == [1, 2, 3, 4, 5, 6]


# Deregistering while a coroutine runs


async def test_deregistering_a_running_callback_returns_at_once(
    registry: Registry, delivery: Delivery, happen: Happen
) -> None:
    """The call at hand goes on, nothing waiting is called, and free comes when it is over."""
    slow = Coroutines()
    callback_id = registry.register(0, slow.callback, opaque="x", free=slow.free)
    delivery.publish([happen(), happen()])
    await turn()
    await turn()
    registry.deregister(callback_id)
    assert (slow.begun, slow.ended, slow.freed) == ([1], [], [])
    slow.let_go()
    await delivery.drain(callback_id)
    assert (slow.begun, slow.ended, slow.freed) == ([1], [1], ["x"])


async def test_drain_waits_until_the_callback_is_not_running_any_more(
    registry: Registry, delivery: Delivery, happen: Happen
) -> None:
    """Any number may wait for it, and one that gives up does not end the callback."""
    slow = Coroutines()
    callback_id = registry.register(0, slow.callback)
    delivery.publish([happen()])
    await turn()
    registry.deregister(callback_id)
    async with asyncio.TaskGroup() as tasks:
        patient = tasks.create_task(delivery.drain(callback_id))
        impatient = tasks.create_task(delivery.drain(callback_id))
        await turn()
        impatient.cancel()
        await turn()
        assert not patient.done()
        slow.let_go()
    assert slow.ended == [1]


async def test_drain_of_what_is_not_running_returns_at_once(
    registry: Registry, delivery: Delivery, happen: Happen
) -> None:
    """Whether it is idle, gone or was never there."""
    registry.register(0, lambda record, opaque: None)
    delivery.publish([happen()])
    await turn()
    await delivery.drain(0)
    await delivery.drain(77)


async def test_a_callback_cannot_drain_itself(
    registry: Registry, delivery: Delivery, happen: Happen
) -> None:
    """It would wait for its own end; it learns so, and goes on."""
    refusals: list[str] = []

    async def drain_self(record: EventRecord, opaque: object) -> None:
        registry.deregister(0)
        with pytest.raises(RuntimeError) as refusal:
            await delivery.drain(0)
        refusals.append(str(refusal.value))

    freed: list[object] = []
    registry.register(0, drain_self, free=freed.append)
    delivery.publish([happen(), happen()])
    await turn()
    await delivery.drain(0)
    assert refusals == ["callback 0 cannot wait for its own end"]
    assert freed == [None]


async def test_when_a_client_goes_its_running_callbacks_are_freed_as_they_end(
    registry: Registry, delivery: Delivery, happen: Happen
) -> None:
    """Nobody else's are touched."""
    slow = Coroutines()
    registry.register(0, slow.callback, owner=ALICE, opaque="hers", free=slow.free)
    registry.register(0, slow.callback, owner=DAEMON, opaque="ours", free=slow.free)
    delivery.publish([happen()])
    await turn()
    registry.purge_owner(ALICE)
    assert slow.freed == []
    slow.let_go()
    await delivery.drain(0)
    await delivery.drain(1)
    assert slow.freed == ["hers"]


# Readers


async def test_a_reader_gets_all_records_of_a_flush_after_the_callbacks(
    registry: Registry, delivery: Delivery, happen: Happen
) -> None:
    """So that one who is both can close the chunk of the turn."""
    steps: list[object] = []
    delivery.add_reader(lambda records: steps.append([each.sequence for each in records]))
    registry.register(0, lambda record, opaque: steps.append(record.sequence))
    delivery.publish([happen(), happen("question"), happen()])
    await turn()
    assert steps == [1, 3, [1, 2, 3]]


async def test_the_same_reader_added_twice_is_called_twice_and_removed_singly(
    delivery: Delivery, happen: Happen
) -> None:
    """Each has its own remover, which may be called again."""
    batches: list[Sequence[EventRecord]] = []
    remove = delivery.add_reader(batches.append)
    delivery.add_reader(batches.append)
    delivery.publish([happen()])
    await turn()
    assert len(batches) == 2
    remove()
    remove()
    delivery.publish([happen()])
    await turn()
    assert len(batches) == 3


async def test_a_reader_that_is_removed_by_another_is_not_called_any_more(
    delivery: Delivery, happen: Happen
) -> None:
    """Not even in the flush that is under way."""
    batches: list[Sequence[EventRecord]] = []

    def remove_the_other(records: Sequence[EventRecord]) -> None:
        remove()

    delivery.add_reader(remove_the_other)
    remove = delivery.add_reader(batches.append)
    delivery.publish([happen()])
    await turn()
    assert batches == []


async def test_a_reader_added_by_another_begins_with_the_next_flush(
    delivery: Delivery, happen: Happen
) -> None:
    """As it is with callbacks."""
    batches: list[Sequence[EventRecord]] = []

    def add_once(records: Sequence[EventRecord]) -> None:
        if records[0].sequence == 1:
            delivery.add_reader(batches.append)

    delivery.add_reader(add_once)
    delivery.publish([happen()])
    await turn()
    assert batches == []
    second = happen()
    delivery.publish([second])
    await turn()
    assert batches == [(second,)]


async def test_a_reader_that_raises_stays_and_disturbs_nobody(
    delivery: Delivery, happen: Happen
) -> None:
    """It is logged; the others have their records."""
    batches: list[Sequence[EventRecord]] = []

    def fail(records: Sequence[EventRecord]) -> None:
        raise ValueError("a mistake in the reader")

    delivery.add_reader(fail)
    delivery.add_reader(batches.append)
    with capture_logs() as logs:
        for _ in range(2):
            delivery.publish([happen()])
            await turn()
    assert len(batches) == 2
    assert [(entry["event"], entry["sequence"]) for entry in logs] == [
        ("reader failed", 1),
        ("reader failed", 2),
    ]


# The end


async def test_leaving_delivers_what_is_queued_and_lets_callbacks_finish(
    registry: Registry, happen: Happen
) -> None:
    """What was published before the end is not forgotten."""
    seen: list[int] = []

    async def callback(record: EventRecord, opaque: object) -> None:
        await turn()
        seen.append(record.sequence)

    registry.register(0, callback)
    async with Delivery(registry) as delivery:
        delivery.publish([happen(), happen()])
    assert seen == [1, 2]


async def test_leaving_cancels_what_does_not_finish_in_time(
    registry: Registry, happen: Happen
) -> None:
    """A stuck callback does not keep the daemon from stopping; its opaque is freed once."""
    slow = Coroutines()
    registry.register(0, slow.callback, opaque="x", free=slow.free)
    with capture_logs() as logs:
        async with Delivery(registry, grace=0) as delivery:
            delivery.publish([happen(), happen()])
            await turn()
        registry.deregister(0)
    assert slow.begun == [1]
    assert slow.ended == []
    assert slow.freed == ["x"]
    assert logs == []


async def test_an_error_inside_the_block_ends_everything_and_passes_through(
    registry: Registry, happen: Happen
) -> None:
    """A coroutine that was not even begun is closed without a warning."""
    slow = Coroutines()
    registry.register(0, slow.callback, free=slow.free)

    async def fail() -> None:
        async with Delivery(registry) as delivery:
            delivery.publish([happen()])
            await turn()
            registry.deregister(0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert slow.begun == []
    assert slow.freed == [None]


async def test_cancelling_the_block_does_not_wait_for_callbacks(
    registry: Registry, happen: Happen
) -> None:
    """It is left giving callbacks their time to finish, and no longer does."""
    slow = Coroutines()
    registry.register(0, slow.callback)

    async def run() -> None:
        async with Delivery(registry, grace=3600) as delivery:
            delivery.publish([happen()])

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(run())
        await turn()
        await turn()
        await turn()
        task.cancel()
    assert slow.begun == [1]
    assert slow.ended == []
    assert task.cancelled()


async def test_what_was_published_in_a_block_that_failed_is_not_flushed_later(
    registry: Registry, happen: Happen
) -> None:
    """Nothing is called when the block is left."""
    seen: list[int] = []
    registry.register(0, lambda record, opaque: seen.append(record.sequence))

    async def fail() -> None:
        async with Delivery(registry) as delivery:
            delivery.publish([happen()])
            delivery.publish([happen()])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await turn()
    assert seen == []
