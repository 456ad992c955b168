"""The pure world of the simulator: what a VI host is, holds and does, in no time of its own.

There is no socket, task or clock here. Whoever plays with it says what time it is.
"""

from eventd.simulator.world.faults import VIFault
from eventd.simulator.world.happenings import By, Happening
from eventd.simulator.world.settings import INSTANT, OUT_OF_SPACE, Pace, Product, Question
from eventd.simulator.world.world import World

__all__ = [
    "INSTANT",
    "OUT_OF_SPACE",
    "By",
    "Happening",
    "Pace",
    "Product",
    "Question",
    "VIFault",
    "World",
]
