"""The VI methods that the simulator plays, in one table."""

from eventd.simulator.calls import Method
from eventd.simulator.methods import domains, events, inventory, properties, sessions

__all__ = ["METHODS"]

METHODS: dict[str, Method] = {
    **sessions.METHODS,
    **properties.METHODS,
    **inventory.METHODS,
    **domains.METHODS,
    **events.METHODS,
}
"""By the names of the WSDL: ``PowerOnVM_Task``."""
