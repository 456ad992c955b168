"""Which domains a host starts by itself when it starts: ``HostAutoStartManagerConfig``."""

from __future__ import annotations

from collections.abc import Mapping

from eventd.vi.structures import children_by_name, is_true, reference_of, text_of
from eventd.vi.xml import Element, local_name

__all__ = ["autostarted"]


def autostarted(properties: Mapping[str, Element]) -> frozenset[str]:
    """Return the references of the domains, given the property ``config`` of the manager.

    None are while the host's defaults say that nothing is started: so libvirt's ESX driver has it.
    """
    config = properties.get("config")
    if config is None:
        return frozenset()
    defaults = children_by_name(config).get("defaults")
    if defaults is None or not is_true(text_of(children_by_name(defaults), "enabled")):
        return frozenset()
    entries = [children_by_name(part) for part in config if local_name(part) == "powerInfo"]
    found = [
        reference_of(entry, "key")
        for entry in entries
        if (text_of(entry, "startAction") or "").lower() == "poweron"
    ]
    return frozenset(reference.value for reference in found if reference is not None)
