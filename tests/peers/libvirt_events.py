"""A subscriber of libvirt-python's; run by the interpreter that has it, and none of eventd's.

``libvirt_events.py URI DOMAIN COUNT`` registers for the lifecycle of all domains and of DOMAIN, and
for reboots. It says ``registered``, then writes an event a line, as JSON: the name of the callback,
the domain, event and detail. After COUNT lifecycle events of all domains it deregisters, asks for
the domains, and ends.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import libvirt

uri, domain_name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
seen = 0


def say(*what: object) -> None:
    """Write a line."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def on_lifecycle(_: Any, domain: Any, event: int, detail: int, name: str) -> None:
    """Be called back."""
    global seen
    if name == "all":
        seen += 1
    say(name, domain.name(), event, detail, domain.ID())


def on_reboot(_: Any, domain: Any, name: str) -> None:
    """Be called back."""
    say(name, domain.name())


libvirt.virEventRegisterDefaultImpl()
connection = libvirt.openReadOnly(uri)
connection.setKeepAlive(1, 3)
lifecycle, reboot = libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, libvirt.VIR_DOMAIN_EVENT_ID_REBOOT
one = connection.lookupByName(domain_name)
ids = [
    connection.domainEventRegisterAny(None, lifecycle, on_lifecycle, "all"),
    connection.domainEventRegisterAny(one, lifecycle, on_lifecycle, "one"),
    connection.domainEventRegisterAny(None, reboot, on_reboot, "reboot"),
]
say("registered", connection.getType(), connection.isSecure(), connection.isAlive())
while seen < count:
    libvirt.virEventRunDefaultImpl()
for callback_id in ids:
    connection.domainEventDeregisterAny(callback_id)
say("domains", sorted(domain.name() for domain in connection.listAllDomains()))
connection.close()
