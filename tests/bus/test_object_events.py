"""The domain cases of libvirt's ``tests/objecteventtest.c``, played on the bus."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from eventd.bus.delivery import Delivery
from eventd.bus.registry import Owner, Registry
from eventd.model.events import LifecycleEvent
from eventd.model.ids import EventId
from eventd.model.record import EventRecord

WEB = "4215d4a2-0c1d-4f6e-8a55-2d1f0a1b2c3d"
TEST = Owner("test-1")


@dataclass
class Stage:
    """A registry, and a loop that is turned by hand."""

    registry: Registry
    delivery: Delivery
    happen: Callable[..., EventRecord]

    async def play(self, *events: str, user: str | None = None) -> None:
        """Let all this happen, then turn the loop once."""
        self.delivery.publish([self.happen(event, domain=WEB, user=user) for event in events])
        await asyncio.sleep(0)


@pytest.fixture
async def stage(happen: Callable[..., EventRecord]) -> AsyncIterator[Stage]:
    registry = Registry()
    async with Delivery(registry) as delivery:
        yield Stage(registry, delivery, happen)


def count(record: EventRecord, counter: Counter[str]) -> None:
    """Count lifecycle events by type, as libvirt's test does."""
    assert isinstance(record.event, LifecycleEvent)
    counter[record.event.lifecycle.word] += 1


async def test_create_seen_through_the_legacy_api(stage: Stage) -> None:
    """One domain is created, one event is seen, and nothing unexpected."""
    counter = Counter[str]()
    stage.registry.register_legacy(count, opaque=counter, owner=TEST)
    await stage.play("started")
    assert counter == {"started": 1}
    stage.registry.deregister_legacy(count, owner=TEST)
    assert stage.registry.registrations() == ()


async def test_create_seen_through_register_any(stage: Stage) -> None:
    """The same for the newer API without a domain."""
    counter = Counter[str]()
    callback_id = stage.registry.register(EventId.LIFECYCLE, count, opaque=counter, owner=TEST)
    await stage.play("started")
    assert counter == {"started": 1}
    stage.registry.deregister(callback_id, owner=TEST)
    assert stage.registry.registrations() == ()


async def test_create_seen_by_the_same_callback_registered_in_three_ways(stage: Stage) -> None:
    """The filter outlives the domain, and legacy and newer registrations do not mix."""
    counter = Counter[str]()
    await stage.play("defined")
    for_web = stage.registry.register(0, count, domain=WEB, opaque=counter, owner=TEST)
    stage.registry.register_legacy(count, opaque=counter, owner=TEST)
    for_all = stage.registry.register(0, count, opaque=counter, owner=TEST)
    await stage.play("undefined")
    counter.clear()
    await stage.play("started")
    assert counter == {"started": 3}
    stage.registry.deregister(for_web, owner=TEST)
    stage.registry.deregister_legacy(count, owner=TEST)
    stage.registry.deregister(for_all, owner=TEST)
    assert stage.registry.registrations() == ()


async def test_define_and_undefine(stage: Stage) -> None:
    """One event each."""
    counter = Counter[str]()
    stage.registry.register(0, count, opaque=counter, owner=TEST)
    await stage.play("defined")
    assert counter == {"defined": 1}
    await stage.play("undefined")
    assert counter == {"defined": 1, "undefined": 1}


async def test_start_and_stop_seen_for_one_domain_whoever_does_it(stage: Stage) -> None:
    """Both come in one loop turn, and what another client does is seen as well."""
    counter = Counter[str]()
    stage.registry.register(0, count, domain=WEB, opaque=counter, owner=TEST)
    await stage.play("stopped", "started", user="root")
    assert counter == {"stopped": 1, "started": 1}
    await stage.play("stopped", "started", user="VSPHERE.LOCAL\\ops")
    assert counter == {"stopped": 2, "started": 2}
