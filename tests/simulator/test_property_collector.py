"""Filters, versions, pages and replays, as a client sees them."""

from __future__ import annotations

import sys

import pytest

from eventd.errors import Fault
from eventd.simulator import INSTANT, Question
from eventd.vi import calls
from eventd.vi.property_collector import ObjectSpec, PropertyFilterSpec, PropertySpec, TraversalSpec
from eventd.vi.types import ObjectUpdate, UpdateKind
from tests.simulator.client import Client, connect


def shown(updates: list[ObjectUpdate]) -> list[tuple[str, str, dict[str, object]]]:
    """Kind, reference, and properties by path."""
    return [(update.kind.value, update.obj.value, dict(update.changes)) for update in updates]


def test_the_first_answer_has_every_object_with_what_is_set_of_it() -> None:
    """Unset properties are left out."""
    client = connect(domains=2)
    client.follow("name", "runtime.powerState", "runtime.bootTime")

    _, updates = client.changes()

    assert shown(updates) == [
        ("enter", "1", {"name": "web01", "runtime.powerState": "poweredOff"}),
        ("enter", "2", {"name": "db01", "runtime.powerState": "poweredOff"}),
    ]


def test_a_change_is_told_alone() -> None:
    """Only the object and the properties that changed."""
    client = connect(pace=INSTANT)
    client.follow("name", "runtime.powerState", "runtime.cleanPowerOff")
    version, _ = client.changes()

    client.world.power_on("db01", now=client.now)
    client.advance()
    _, updates = client.changes(version)

    assert shown(updates) == [
        ("modify", "2", {"runtime.powerState": "poweredOn", "runtime.cleanPowerOff": None})
    ]


def test_a_change_and_its_undoing_between_two_answers_show_the_present_value() -> None:
    """The collector tells differences between versions, not each transition."""
    client = connect(pace=INSTANT)
    client.follow("runtime.powerState")
    version, _ = client.changes()

    for operation in (client.world.power_on, client.world.suspend):
        operation("web01", now=client.now)
        client.advance()
    _, updates = client.changes(version)

    assert shown(updates) == [("modify", "1", {"runtime.powerState": "suspended"})]


def test_a_change_of_something_else_is_not_told() -> None:
    """An answer only comes for what the filter names."""
    client = connect(pace=INSTANT)
    client.follow("name")
    version, _ = client.changes()

    client.world.power_on("web01", now=client.now)
    client.advance()

    assert client.updates(version) is None


def test_a_whole_structure_is_told_when_a_part_changes() -> None:
    """And a part is told when the whole is set."""
    client = connect(pace=INSTANT)
    client.follow("runtime", "runtime.question.text")
    version, _ = client.changes()

    client.world.ask("web01", Question(text="why?"), now=client.now)
    _, updates = client.changes(version)

    changes = updates[0].changes
    assert changes["runtime.question.text"] == "why?"
    assert b"<text>why?</text>" in changes["runtime"].xml  # type: ignore[union-attr]


def test_what_repeats_elsewhere_changes_with_it() -> None:
    """`summary.runtime` is `runtime`, and `config.name` is `name`."""
    client = connect(pace=INSTANT)
    client.follow("summary.runtime.powerState", "config.name")
    version, _ = client.changes()

    client.world.power_on("web01", now=client.now)
    client.advance()
    client.world.rename("web01", "www", now=client.now)
    client.advance()
    _, updates = client.changes(version)

    assert shown(updates) == [
        ("modify", "1", {"summary.runtime.powerState": "poweredOn", "config.name": "www"})
    ]


def test_domains_enter_and_leave() -> None:
    """One that came and went between two answers was never there."""
    client = connect(domains=2, pace=INSTANT)
    client.follow("name")
    version, _ = client.changes()

    client.world.create("new", now=client.now)
    client.advance()
    client.world.create("short", now=client.now)
    client.advance()
    client.world.unregister("short", now=client.now)
    client.world.unregister("web01", now=client.now)
    _, updates = client.changes(version)

    assert shown(updates) == [("enter", "3", {"name": "new"}), ("leave", "1", {})]


def test_a_version_can_be_asked_for_again() -> None:
    """A client whose answer was lost repeats its question and gets what it missed."""
    client = connect(pace=INSTANT)
    client.follow("runtime.powerState")
    version, _ = client.changes()
    client.world.power_on("web01", now=client.now)
    client.advance()
    second, lost = client.changes(version)

    client.world.power_on("db01", now=client.now)
    client.advance()
    _, repeated = client.changes(version)
    _, continued = client.changes(second)

    assert [update.obj.value for update in lost] == ["1"]
    assert [update.obj.value for update in repeated] == ["1", "2"]
    assert [update.obj.value for update in continued] == ["2"]


def test_a_replay_also_tells_again_who_came_and_went() -> None:
    """Membership belongs to the difference."""
    client = connect(domains=1, pace=INSTANT)
    client.follow("name")
    version, _ = client.changes()
    client.world.unregister("web01", now=client.now)

    _, lost = client.changes(version)
    _, repeated = client.changes(version)

    assert shown(lost) == shown(repeated) == [("leave", "1", {})]


def test_the_empty_version_brings_everything_again() -> None:
    """Whatever was told before."""
    client = connect(domains=2)
    client.follow("name")
    client.changes()

    _, updates = client.changes("")

    assert [update.kind for update in updates] == [UpdateKind.ENTER, UpdateKind.ENTER]


@pytest.mark.parametrize("version", ["nonsense", "99"])
def test_a_version_that_was_never_given_is_refused(version: str) -> None:
    """The client has to begin anew."""
    client = connect()
    client.follow("name")
    client.changes()

    with pytest.raises(Fault) as refusal:
        client.updates(version)

    assert refusal.value.name == "InvalidCollectorVersion"


def test_a_version_from_long_ago_is_refused() -> None:
    """The collector remembers a few."""
    client = connect(pace=INSTANT)
    client.follow("name")
    first, _ = client.changes()
    version = first
    for number in range(10):
        client.world.rename(f"web{number or '01'}", f"web{number + 1}", now=client.now)
        client.advance()
        version, _ = client.changes(version)

    with pytest.raises(Fault, match="InvalidCollectorVersion"):
        client.updates(first)


def test_what_the_host_no_longer_remembers_is_refused_and_comes_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The log of changes is bounded; a client that was away for too long begins again."""
    monkeypatch.setattr("eventd.simulator.world.objects._LOG_LENGTH", 10)
    client = connect(domains=1, pace=INSTANT)
    client.follow("name", "guest.hostName")
    version, _ = client.changes()
    for number in range(30):
        client.world.assign("web01", "guest.hostName", f"host{number}", now=client.now)
    client.world.create("new", now=client.now)
    client.advance()

    with pytest.raises(Fault, match="InvalidCollectorVersion"):
        client.updates(version)
    version, updates = client.changes()

    assert shown(updates) == [
        ("enter", "1", {"name": "web01", "guest.hostName": "host29"}),
        ("enter", "2", {"name": "new"}),
    ]
    assert client.updates(version) is None


def test_a_long_answer_comes_in_pages() -> None:
    """Each but the last says that it is truncated, and no page is longer than asked for."""
    client = connect(domains=5)
    client.follow("name")

    pages = []
    version = ""
    while True:
        page = client.updates(version, limit=2)
        assert page is not None
        pages.append((len(page.filters[0].objects), page.truncated))
        version = page.version
        if not page.truncated:
            break

    assert pages == [(2, True), (2, True), (1, False)]
    assert client.updates(version) is None


def test_the_host_s_own_limit_holds_whatever_the_client_asks_for() -> None:
    """vCenter sends pages of 100 objects."""
    client = connect(domains=150)
    client.follow("name")

    page = client.updates(limit=1000)

    assert page is not None
    assert (len(page.filters[0].objects), page.truncated) == (100, True)


def test_a_truncated_version_is_good_for_the_next_call_only() -> None:
    """After any other call of the collector it is gone."""
    client = connect(domains=3)
    client.follow("name")
    first = client.updates(limit=2)
    assert first is not None

    client.updates(first.version, limit=2)

    with pytest.raises(Fault, match="InvalidCollectorVersion"):
        client.updates(first.version, limit=2)


def test_a_change_during_the_pages_comes_after_them() -> None:
    """Nothing that happens between two pages is lost."""
    client = connect(domains=3, pace=INSTANT)
    client.follow("runtime.powerState")
    first = client.updates(limit=2)
    assert first is not None

    client.world.power_on("web01", now=client.now)
    client.advance()
    last = client.updates(first.version, limit=2)
    assert last is not None
    _, updates = client.changes(last.version)

    assert shown(updates) == [("modify", "1", {"runtime.powerState": "poweredOn"})]


def test_each_filter_reports_for_itself() -> None:
    """A change that two filters see is told twice, under the filter's reference."""
    client = connect(pace=INSTANT)
    filters = [client.follow("runtime.powerState"), client.follow("runtime.powerState", "name")]
    first = client.updates()
    assert first is not None

    client.world.power_on("web01", now=client.now)
    client.advance()
    second = client.updates(first.version)

    assert second is not None
    assert [one.filter for one in second.filters] == filters


def test_a_new_filter_reports_in_full_and_the_others_go_on() -> None:
    """The version stays good."""
    client = connect(domains=1, pace=INSTANT)
    client.follow("name")
    version, _ = client.changes()

    client.follow("runtime.powerState")
    client.world.rename("web01", "www", now=client.now)
    client.advance()
    _, updates = client.changes(version)

    assert shown(updates) == [
        ("modify", "1", {"name": "www"}),
        ("enter", "1", {"runtime.powerState": "poweredOff"}),
    ]


def test_a_destroyed_filter_reports_no_longer() -> None:
    """The collector goes on with the others."""
    client = connect(domains=1, pace=INSTANT)
    destroyed, _ = client.follow("name"), client.follow("runtime.powerState")
    version, _ = client.changes()

    client.call(calls.destroy_property_filter(destroyed))
    client.world.rename("web01", "www", now=client.now)
    client.advance()

    assert client.updates(version) is None


def test_tasks_are_followed_through_the_task_manager() -> None:
    """A new task enters, and each state is a change of its own."""
    client = connect(domains=1)
    manager = client.world.inventory.task_manager
    client.create_filter(
        PropertyFilterSpec(
            (PropertySpec("Task", ("info.state", "info.descriptionId")),),
            (ObjectSpec(manager, skip=True, select=(TraversalSpec("TaskManager", "recentTask"),)),),
        )
    )
    version, states = "", []
    client.world.power_on("web01", now=client.now)
    while (due := client.world.next_deadline) is not None and (due - client.now).seconds < 60:
        version, updates = client.changes(version)
        states += list(updates[0].changes.values())
        client.now = due
        client.world.advance(due)
    _, updates = client.changes(version)
    states += list(updates[0].changes.values())

    assert states == ["queued", "VirtualMachine.powerOn", "running", "success"]


def test_a_host_may_keep_its_recent_tasks_to_itself() -> None:
    """They can be read all the same (VI API reference, ManagedEntity.recentTask)."""
    client = connect(domains=1, pace=INSTANT, tells_recent_tasks=False)
    client.follow("recentTask", "name")
    version, _ = client.changes()

    client.world.power_on("web01", now=client.now)
    client.advance()

    assert client.updates(version) is None
    assert client.world.objects.references(client.world.domain("web01"), "recentTask") != ()


def test_properties_are_read_page_by_page() -> None:
    """The token of a page brings the next, once."""
    client = connect(domains=5)
    inventory = client.world.inventory
    way = TraversalSpec("Folder", "childEntity")
    spec = PropertyFilterSpec(
        (PropertySpec("VirtualMachine", ("name",)),),
        (ObjectSpec(inventory.domain_folder, skip=True, select=(way,)),),
    )
    collector = inventory.property_collector

    first = client.call(calls.retrieve_properties_ex(collector, [spec], max_objects=4))
    assert first.token is not None
    second = client.call(calls.continue_retrieve_properties_ex(collector, token=first.token))
    everything = client.call(calls.retrieve_properties(collector, [spec]))

    assert (len(first.objects), len(second.objects), second.token) == (4, 1, None)
    assert first.objects + second.objects == everything
    with pytest.raises(Fault, match="InvalidArgument"):
        client.call(calls.continue_retrieve_properties_ex(collector, token=first.token))


def test_without_paths_the_objects_come_without_properties() -> None:
    """libvirt asks like this whether a domain is there."""
    client = connect(domains=1)
    domain = client.world.domain("web01")
    spec = PropertyFilterSpec((PropertySpec("VirtualMachine", ()),), (ObjectSpec(domain),))

    found = client.call(
        calls.retrieve_properties(client.world.inventory.property_collector, [spec])
    )

    assert [(content.obj, content.properties) for content in found] == [(domain, {})]


def test_a_change_costs_the_same_whatever_the_number_of_domains() -> None:
    """The work is counted in function calls, from the change to the answer."""
    costs = []
    for domains in (10, 1000):
        client = connect(domains=domains, pace=INSTANT)
        client.follow("name", "runtime.powerState", "runtime.host")
        version = ""
        while (page := client.updates(version)) is not None:
            version = page.version
        _, version = calls_made(client, "db01", version)  # fills the caches
        made, _ = calls_made(client, "web01", version)
        costs.append(made)

    # The garbage collector may run in between, and makes a few calls of its own.
    assert costs[1] < costs[0] * 1.1


def calls_made(client: Client, name: str, version: str) -> tuple[int, str]:
    """Power a domain on and follow it; the number of calls that this took."""
    made = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal made
        made += event == "call"

    sys.setprofile(count)
    try:
        client.world.power_on(name, now=client.now)
        client.advance()
        version, _ = client.changes(version)
    finally:
        sys.setprofile(None)
    return made, version
