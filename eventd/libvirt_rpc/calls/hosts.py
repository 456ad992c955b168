"""What a client asks about its connection, and about the hosts behind it."""

from __future__ import annotations

import re
from importlib.metadata import version

from eventd.errors import HostError
from eventd.libvirt_rpc.calls.results import NO_RESULTS, Results
from eventd.libvirt_rpc.inventory import OpenedConnection
from eventd.model.inspector import Inspector
from eventd.vi.capabilities_xml import capabilities_xml

__all__ = ["HostCalls"]


def _number_of_version(text: str) -> int:
    """Return a version as libvirt writes it: 7.0.3 is 7,000,003."""
    parts = [int(part) for part in re.findall(r"\d{1,3}", text, re.ASCII)]
    major, minor, patch = (*parts, 0, 0, 0)[:3]
    return major * 1_000_000 + minor * 1_000 + patch


_VERSION = _number_of_version(version("eventd"))


class HostCalls:
    """Answers one client."""

    def __init__(self, opened: OpenedConnection, inspector: Inspector) -> None:
        self._opened = opened
        self._inspector = inspector

    def open(self, uri: str | None, _flags: int) -> Results:
        """Choose the connection."""
        self._opened.choose(uri)
        return NO_RESULTS

    def get_type(self) -> Results:
        """The driver that libvirt has for such hosts."""
        return ("ESX",)

    def get_lib_version(self) -> Results:
        """Of libvirt there is none: it is eventd's own, as libvirt writes versions."""
        return (_VERSION,)

    def get_uri(self) -> Results:
        """As a client of this socket would have it."""
        return (f"esx:///{self._opened.name}",)

    def is_secure(self) -> Results:
        """Nobody listens on a Unix socket."""
        return (1,)

    def get_version(self) -> Results:
        """Of the product, as libvirt writes versions."""
        return (_number_of_version(self._inspector.product_version(self._opened.name)),)

    async def get_hostname(self) -> Results:
        """Of the first host."""
        figures = await self._inspector.host_figures(self._opened.name)
        return (figures.name or self._opened.name,)

    async def get_capabilities(self) -> Results:
        """As XML."""
        return (capabilities_xml(await self._inspector.host_hardware(self._opened.name)),)

    async def get_max_vcpus(self, _type: str | None) -> Results:
        """Of one domain."""
        figures = await self._inspector.host_figures(self._opened.name)
        return (figures.most_vcpus,)

    async def node_get_info(self) -> Results:
        """All hosts of the connection in sum; of several, sockets and nodes are those of all."""
        figures = await self._inspector.host_figures(self._opened.name)
        # Clients multiply the last four, so that none of them may be 0.
        packages, cores = max(1, figures.packages), max(1, figures.cores)
        return (
            figures.cpu_model,
            figures.memory,
            figures.cores,
            figures.cpu_mhz,
            max(1, figures.numa_nodes),
            packages,
            max(1, figures.cores // packages),
            max(1, figures.threads // cores),
        )

    async def node_get_free_memory(self) -> Results:
        """What is not in use, in bytes."""
        figures = await self._inspector.host_figures(self._opened.name)
        if figures.memory_usage is None:
            raise HostError("the host does not tell how much of its memory is in use")
        return (max(0, figures.memory - figures.memory_usage) * 1024,)
