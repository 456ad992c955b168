"""The selection engine: what specs lead to, and how that follows the changes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from eventd.simulator import INSTANT, VIFault, World
from eventd.simulator.selection import ObjectSpec, Selection, Traversal, parse_object_spec
from eventd.simulator.world.objects import Objects
from eventd.simulator.world.schema import schema_of
from eventd.vi.soap import Node
from eventd.vi.types import ManagedObjectReference

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def node(tag: str, text: str = "", *children: Node, **attributes: str) -> Node:
    return Node(tag, None, attributes, text, children)


def reference(obj: ManagedObjectReference, tag: str = "obj") -> Node:
    return node(tag, obj.value, type=obj.type)


def traversal(type_name: str, path: str, *select: Node, name: str = "") -> Node:
    return node(
        "selectSet",
        "",
        node("name", name),
        node("type", type_name),
        node("path", path),
        *select,
    )


def named(name: str) -> Node:
    return node("selectSet", "", node("name", name))


def values(selection: Selection) -> list[str]:
    return [obj.value for obj in selection]


def test_a_name_leads_back_to_a_traversal() -> None:
    """Folders in folders are walked with one traversal that names itself."""
    world = World(now=NOW, product="vpx", domains=1)
    spec = parse_object_spec(
        node(
            "objectSet",
            "",
            reference(world.inventory.root_folder),
            node("skip", "true"),
            traversal("Folder", "childEntity", named("down"), named("into"), name="down"),
            traversal("Datacenter", "vmFolder", named("down"), name="into"),
        )
    )

    selected = values(Selection(world.objects, [spec]))

    assert selected == ["datacenter-2", "group-v3", "vm-42"]


def test_a_name_that_is_not_there_is_refused() -> None:
    """The fault says which."""
    world = World(now=NOW)
    spec = node("objectSet", "", reference(world.inventory.root_folder), named("nowhere"))

    with pytest.raises(VIFault, match=r"selectSet\.name: nowhere"):
        parse_object_spec(spec)


def test_a_type_matches_its_subtypes() -> None:
    """A cluster is a compute resource."""
    world = World(now=NOW, product="vpx", hosts=2)
    spec = ObjectSpec(
        world.inventory.compute_resource,
        skip=True,
        next=[Traversal("ComputeResource", "host", skip=False)],
    )

    assert values(Selection(world.objects, [spec])) == ["host-11", "host-12"]


def test_an_object_that_is_skipped_is_passed_through() -> None:
    """Its own traversals go on."""
    world = World(now=NOW, product="vpx", domains=1)
    on = Traversal("HostSystem", "vm", skip=False)
    spec = ObjectSpec(
        world.inventory.compute_resource,
        skip=True,
        next=[Traversal("ComputeResource", "host", skip=True, next=[on])],
    )

    assert values(Selection(world.objects, [spec])) == ["vm-42"]


def test_a_selection_begins_at_something_that_exists() -> None:
    """Otherwise the filter cannot be made."""
    world = World(now=NOW)

    with pytest.raises(VIFault, match="ManagedObjectNotFound"):
        Selection(world.objects, [ObjectSpec(ManagedObjectReference("Task", "gone"), skip=False)])


def tree() -> tuple[Objects, list[ManagedObjectReference]]:
    """Two folders, both of which hold a third."""
    objects = Objects(schema_of("8.0.2.0"), lambda: None)
    folders = [ManagedObjectReference("Folder", name) for name in ("top", "left", "right", "leaf")]
    for folder in folders:
        objects.create(folder, {})
    top, left, right, leaf = folders
    for parent, child in ((top, left), (top, right), (left, leaf), (right, leaf)):
        objects.link(parent, "childEntity", child)
    return objects, folders


def down() -> Traversal:
    """All the way down."""
    way = Traversal("Folder", "childEntity", skip=False)
    way.next = [way]
    return way


def follow(objects: Objects, selection: Selection, since: int) -> list[tuple[str, bool]]:
    return [
        (obj.value, selected)
        for change in objects.changes_since(since)
        for obj, selected in selection.follow(change)
    ]


def test_an_object_that_is_reached_twice_is_selected_once() -> None:
    """And dropped when the last way to it is gone."""
    objects, (top, left, right, leaf) = tree()
    selection = Selection(objects, [ObjectSpec(top, skip=True, next=[down()])])
    selected = sorted(values(selection))
    position = objects.position

    objects.unlink(left, "childEntity", leaf)
    first = follow(objects, selection, position)
    position = objects.position
    objects.unlink(right, "childEntity", leaf)
    second = follow(objects, selection, position)

    assert selected == ["leaf", "left", "right"]
    assert (first, second) == ([], [("leaf", False)])


def test_a_whole_branch_comes_and_goes() -> None:
    """With everything below it."""
    objects, (_, left, _, leaf) = tree()
    selection = Selection(objects, [ObjectSpec(left, skip=True, next=[down()])])
    new = ManagedObjectReference("Folder", "new")
    position = objects.position

    objects.create(new, {})
    objects.link(leaf, "childEntity", new)
    came = follow(objects, selection, position)
    position = objects.position
    objects.unlink(left, "childEntity", leaf)
    went = follow(objects, selection, position)

    assert came == [("new", True)]
    assert sorted(went) == [("leaf", False), ("new", False)]


def test_what_was_already_found_is_not_counted_twice() -> None:
    """The log is read late: a new branch is found with all that it has got since."""
    objects, (top, _, _, leaf) = tree()
    selection = Selection(objects, [ObjectSpec(top, skip=True, next=[down()])])
    branch, twig = (ManagedObjectReference("Folder", name) for name in ("branch", "twig"))
    position = objects.position

    for new, parent in ((branch, leaf), (twig, branch)):
        objects.create(new, {})
        objects.link(parent, "childEntity", new)
    came = follow(objects, selection, position)
    position = objects.position
    objects.unlink(branch, "childEntity", twig)
    went = follow(objects, selection, position)

    assert came == [("branch", True), ("twig", True)]
    assert went == [("twig", False)]


def test_a_circle_ends() -> None:
    """An object leads to one that led to it."""
    objects, (top, _, _, leaf) = tree()
    objects.link(leaf, "childEntity", top)

    selection = Selection(objects, [ObjectSpec(top, skip=False, next=[down()])])

    assert sorted(values(selection)) == ["leaf", "left", "right", "top"]


def test_a_destroyed_object_is_dropped_even_where_a_spec_begins() -> None:
    """Its filter goes on, with nothing to tell."""
    objects, (top, *_) = tree()
    selection = Selection(objects, [ObjectSpec(top, skip=False)])
    position = objects.position

    objects.destroy(top)

    assert follow(objects, selection, position) == [("top", False)]


def test_following_the_log_later_leads_to_the_same_as_looking_now() -> None:
    """The log may be read long after the changes, when objects have gone that it names."""
    world = World(now=NOW, product="vpx", hosts=2, domains=3, pace=INSTANT)
    spec = ObjectSpec(
        world.inventory.compute_resource,
        skip=True,
        next=[
            Traversal(
                "ComputeResource",
                "host",
                skip=False,
                next=[Traversal("HostSystem", "vm", skip=False)],
            )
        ],
    )
    selection = Selection(world.objects, [spec])
    position = world.objects.position

    world.migrate("web01", "esx02.example", now=NOW)
    world.create("new", now=NOW)
    world.advance(NOW)
    world.migrate("new", "esx02.example", now=NOW)
    world.advance(NOW)
    world.unregister("new", now=NOW)
    world.unregister("db01", now=NOW)
    follow(world.objects, selection, position)

    assert set(selection) == set(Selection(world.objects, [spec]))
