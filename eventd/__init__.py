"""eventd: domain lifecycle events of VMware hosts, with libvirt's words and contract.

The way of the data, one folder a step: ``connections`` -> ``vi`` -> ``tracking`` -> ``journal``
-> ``bus`` -> ``http_api``. Programs that only want to listen need ``eventd.client``.
"""

from importlib.metadata import version

__version__ = version("eventd")
