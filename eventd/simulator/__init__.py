"""An embedded VI host that real clients accept; it drives the demonstration and the tests.

`World` is the host and what happens on it, without I/O; `serve` puts a world on the network.
"""

from eventd.simulator.server import SimulatorServer, serve
from eventd.simulator.world import INSTANT, Pace, Product, Question, VIFault, World

__all__ = [
    "INSTANT",
    "Pace",
    "Product",
    "Question",
    "SimulatorServer",
    "VIFault",
    "World",
    "serve",
]
