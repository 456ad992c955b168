"""Waits for updates: what ends them, and what does not."""

from __future__ import annotations

import pytest

from eventd.errors import Fault
from eventd.simulator import INSTANT
from eventd.simulator.service import Reply, Wait
from eventd.vi import calls
from tests.simulator.client import Client, connect


def wait(client: Client, version: str, *, seconds: int = 60) -> Wait:
    """A wait that is not over yet."""
    waiting = client.ask(
        calls.wait_for_updates_ex(
            client.world.inventory.property_collector,
            version=version,
            max_wait_seconds=seconds,
            max_object_updates=100,
        )
    )
    assert isinstance(waiting, Wait)
    return waiting


def test_a_wait_ends_with_the_first_change() -> None:
    """Until then there is no answer."""
    client = connect(pace=INSTANT)
    client.follow("runtime.powerState")
    version, _ = client.changes()
    waiting = wait(client, version)

    before = waiting.poll(client.now)
    client.world.power_on("web01", now=client.now)
    client.advance()
    after = waiting.poll(client.now)

    assert before is None
    assert after is not None
    assert b"poweredOn" in after.body


def test_a_wait_without_a_change_ends_empty_at_its_limit() -> None:
    """The answer has no version; the old one stays good."""
    client = connect()
    client.follow("name")
    version, _ = client.changes()
    waiting = wait(client, version, seconds=60)

    client.advance(59)
    before = waiting.poll(client.now)
    client.advance(1)
    after = waiting.poll(client.now)

    assert before is None
    assert after is not None
    assert b"returnval" not in after.body


def test_a_wait_can_be_cancelled() -> None:
    """It ends with `RequestCanceled`; later waits are not concerned."""
    client = connect()
    client.follow("name")
    version, _ = client.changes()
    waiting = wait(client, version)

    client.call(calls.cancel_wait_for_updates(client.world.inventory.property_collector))
    reply = waiting.poll(client.now)
    later = wait(client, version).poll(client.now)

    assert reply is not None
    assert reply.is_fault
    assert b"RequestCanceled" in reply.body
    assert later is None


def test_a_wait_on_a_collector_without_filters_waits_for_one() -> None:
    """There is nothing to tell before."""
    client = connect(domains=1)
    waiting = wait(client, "")

    before = waiting.poll(client.now)
    client.follow("name")
    after = waiting.poll(client.now)

    assert before is None
    assert after is not None
    assert b"web01" in after.body


def test_a_collector_of_one_s_own_has_its_own_versions() -> None:
    """The session's own collector knows nothing of its filters."""
    client = connect()
    own = client.call(calls.create_property_collector(client.world.inventory.property_collector))
    client.follow("name")
    version, _ = client.changes()

    waiting = client.ask(
        calls.wait_for_updates_ex(own, version="", max_wait_seconds=9, max_object_updates=1)
    )
    refused = client.ask(
        calls.wait_for_updates_ex(own, version=version, max_wait_seconds=1, max_object_updates=1)
    )

    assert isinstance(waiting, Wait)
    assert isinstance(refused, Reply)
    assert b"InvalidCollectorVersion" in refused.body
    client.call(calls.destroy_property_collector(own))
    ended = waiting.poll(client.now)
    assert ended is not None
    assert b"RequestCanceled" in ended.body


@pytest.mark.parametrize(
    ("seconds", "limit", "argument"),
    [
        (-1, 100, "options.maxWaitSeconds"),
        (2**31, 100, "maxWaitSeconds"),
        (1, 0, "options.maxObjectUpdates"),
    ],
)
def test_impossible_options_are_refused(seconds: int, limit: int, argument: str) -> None:
    """VI API reference, WaitOptions."""
    client = connect()
    client.follow("name")

    with pytest.raises(Fault, match=argument):
        client.call(
            calls.wait_for_updates_ex(
                client.world.inventory.property_collector,
                version="",
                max_wait_seconds=seconds,
                max_object_updates=limit,
            )
        )
