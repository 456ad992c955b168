"""The words that options take."""

from __future__ import annotations

from enum import Enum

__all__ = ["ListOutput", "OnGap", "Output", "Product"]


class Output(Enum):
    """The forms of an event."""

    TEXT = "text"
    JSON = "json"
    VIRSH = "virsh"


class OnGap(Enum):
    """What to do where events are lost."""

    ERROR = "error"
    EVENT = "event"


class ListOutput(Enum):
    """The forms of a list."""

    TEXT = "text"
    JSON = "json"


class Product(Enum):
    """What the simulator pretends to be."""

    ESX = "esx"
    VPX = "vpx"
