"""Methods that find entities: views and the search index; and those of folders and tasks."""

from __future__ import annotations

from eventd.simulator import arguments, datastore
from eventd.simulator.calls import Call, Method
from eventd.simulator.world.faults import ManagedObjectNotFound, NotSupported

__all__ = ["METHODS"]


def create_container_view(call: Call) -> str:
    """Create a view of the entities in a container."""
    container = call.reference("container")
    if container not in call.world.objects:
        raise ManagedObjectNotFound(container)
    types = arguments.texts(call.node, "type")
    view = call.world.views.create(container, types, recursive=call.flag("recursive"))
    call.session.views.add(view)
    return call.return_reference(view)


def create_list_view(call: Call) -> str:
    """Create a view of some objects, all of which there have to be."""
    view = call.world.views.create_list(call.references("obj"))
    call.session.views.add(view)
    return call.return_reference(view)


def modify_list_view(call: Call) -> str:
    """Take objects out of a list view and others in; names those that there are not."""
    _require_own_view(call)
    call.world.views.remove_from_list(call.this, call.references("remove"))
    unresolved = call.world.views.add_to_list(call.this, call.references("add"))
    return call.return_references(unresolved)


def reset_list_view(call: Call) -> str:
    """Replace what a list view holds; names the objects that there are not."""
    _require_own_view(call)
    return call.return_references(call.world.views.reset_list(call.this, call.references("obj")))


def destroy_view(call: Call) -> str:
    """Destroy a view of the session."""
    _require_own_view(call)
    call.session.views.discard(call.this)
    call.world.views.destroy(call.this)
    return ""


def _require_own_view(call: Call) -> None:
    if call.this not in call.session.views:
        raise ManagedObjectNotFound(call.this)


def find_by_uuid(call: Call) -> str:
    """Find a domain by its BIOS UUID, or by its instance UUID where that is asked for."""
    if not call.flag("vmSearch"):
        return ""
    path = "config.instanceUuid" if call.flag("instanceUuid") else "config.uuid"
    uuid = call.text("uuid").lower()
    for domain in call.world.domains.with_uuid(uuid):
        if str(call.world.objects.read(domain, path)).lower() == uuid:
            return call.return_reference(domain)
    return ""


def find_child(call: Call) -> str:
    """Find an entity by its name in a folder."""
    name = call.text("name")
    objects = call.world.objects
    for child in objects.references(call.reference("entity"), "childEntity"):
        if objects.read(child, "name") == name:
            return call.return_reference(child)
    return ""


def create_domain(call: Call) -> str:
    """Create a domain from a specification, of which only the name is played."""
    name = arguments.text(call.node.first("config"), "name")
    task = call.world.create(name, user=call.user, now=call.now)
    return call.return_reference(task)


def register_domain(call: Call) -> str:
    """Take a domain whose files exist into the inventory; they name it unless the call does."""
    if call.flag("asTemplate"):
        raise NotSupported
    path = call.text("path")
    stored = datastore.display_name(call.world.files.get(path, ""))
    name = call.text("name") or stored or path.rpartition("/")[2].removesuffix(".vmx")
    task = call.world.register(name, path or None, user=call.user, now=call.now)
    return call.return_reference(task)


def cancel_task(call: Call) -> str:
    """Cancel a task."""
    task = call.world.tasks.find(call.this)
    if task is None:
        raise ManagedObjectNotFound(call.this)
    call.world.tasks.cancel(task, call.now)
    return ""


METHODS = {
    "CreateContainerView": Method(create_container_view, on="ViewManager", since="2.5"),
    "CreateListView": Method(create_list_view, on="ViewManager", since="2.5"),
    "ModifyListView": Method(modify_list_view, on="ListView", since="2.5"),
    "ResetListView": Method(reset_list_view, on="ListView", since="2.5"),
    "DestroyView": Method(destroy_view, on="ManagedObjectView", since="2.5"),
    "FindByUuid": Method(find_by_uuid, on="SearchIndex"),
    "FindChild": Method(find_child, on="SearchIndex"),
    "CreateVM_Task": Method(create_domain, on="Folder"),
    "RegisterVM_Task": Method(register_domain, on="Folder"),
    "CancelTask": Method(cancel_task, on="Task"),
}
