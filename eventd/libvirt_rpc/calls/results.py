"""What all calls have in common: the form of their results, and what their arguments may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eventd.errors import InvalidArgument
from eventd.libvirt_rpc.procedures import MOST_LISTED

__all__ = ["NO_RESULTS", "Results", "check_flags", "check_length", "check_most"]

Results = Sequence[Any]
"""As many as the row of the procedure has."""

NO_RESULTS: Results = ()


def check_flags(flags: int, function: str) -> None:
    """Raise `InvalidArgument` where there are flags that are not known."""
    if flags:
        raise InvalidArgument(f"unsupported flags ({flags:#x}) in function {function}")


def check_most(name: str, most: int) -> None:
    """Raise `InvalidArgument` where a client wants a longer list than there can be."""
    if most < 0:
        raise InvalidArgument(f"{name} in the call must be non-negative")
    if most > MOST_LISTED:
        raise InvalidArgument(f"{name} > REMOTE_DOMAIN_LIST_MAX ({MOST_LISTED})")


def check_length(count: int) -> None:
    """Raise `InvalidArgument` where a list of domains is longer than a client takes."""
    if count > MOST_LISTED:
        raise InvalidArgument(
            f"the connection has {count} domains, and a list of libvirt's has room for "
            f"{MOST_LISTED}; let several connections of eventd follow parts of this host"
        )
