"""Connections to vcsim, a vCenter that nobody here wrote: what a path follows there.

Its container views are those of the moment at which they were made, where the VI API reference
says that they follow every change. So a domain that moves into or out of the scope of a
connection cannot be played here; ``test_simulator`` does.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

import pytest

from eventd.model.domain import ConnectionState
from tests.conftest import StartVcsim
from tests.connections.following import Following, following
from tests.peers.vcsim_process import Vcsim

pytestmark = pytest.mark.vcsim

CLUSTER = {"DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"}
STANDALONE = {"DC0_H0_VM0", "DC0_H0_VM1"}


def at(host: Vcsim, path: str = "") -> AbstractAsyncContextManager[Following]:
    """Follow what a path names."""
    return following(host.connection_uri.replace("/?", f"/{path}?"), password=host.password)


@pytest.fixture
def vcenter(vcsim: StartVcsim) -> Vcsim:
    """A vCenter with a cluster of two hosts and a standalone host, two domains on each."""
    return vcsim("vpx", domains=2, hosts=2, standalone_hosts=1)


@pytest.mark.parametrize(
    ("path", "domains"),
    [
        ("", CLUSTER | STANDALONE),
        ("DC0", CLUSTER | STANDALONE),
        ("DC0/DC0_C0", CLUSTER),
        ("DC0/DC0_H0", STANDALONE),
        ("DC0/DC0_H0/DC0_H0", STANDALONE),
    ],
)
async def test_a_path_follows_the_domains_below_what_it_names(
    path: str, domains: set[str], vcenter: Vcsim
) -> None:
    """The whole vCenter, a datacenter, a cluster, and a standalone host in both spellings."""
    async with at(vcenter, path) as followed:
        assert await followed.told() == "connected"
        assert followed.domains == domains


async def test_the_hosts_of_a_cluster_share_its_domains(vcenter: Vcsim) -> None:
    """vcsim places them at random, so each host is asked for its own."""
    paths = [f"DC0/DC0_C0/DC0_C0_H{number}" for number in range(2)]
    found = []
    for path in paths:
        async with at(vcenter, path) as followed:
            assert await followed.told() == "connected"
            found.append(followed.domains)

    assert found[0] | found[1] == CLUSTER
    assert not found[0] & found[1]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("DC9", "Could not find datacenter specified in '/DC9': no 'DC9' among 'DC0'"),
        (
            "DC0/C9",
            "Could not find compute resource specified in '/DC0/C9': no 'C9' among 'DC0_C0', "
            "'DC0_H0'",
        ),
        (
            "DC0/DC0_C0/H9",
            "Could not find host system specified in '/DC0/DC0_C0/H9': no 'H9' among 'DC0_C0_H0', "
            "'DC0_C0_H1'",
        ),
        (
            "DC0/DC0_C0/DC0_C0_H0/x",
            "Path '/DC0/DC0_C0/DC0_C0_H0/x' ends with an excess item",
        ),
    ],
)
async def test_a_path_that_names_nothing_is_refused(
    path: str, sentence: str, vcenter: Vcsim
) -> None:
    """With libvirt's text, and what there would be."""
    async with at(vcenter, path) as followed:
        assert str(await followed.failure()) == sentence
        assert followed.connection.status().state is ConnectionState.CONNECTING


@pytest.mark.parametrize("model", ["vpx", "esx"])
async def test_a_restarted_host_is_followed_again(model: str, vcsim: StartVcsim) -> None:
    """Over TLS, which takes a handshake more: lost once, back once, and nothing between."""
    # One host in the cluster, since a restart deals the domains out to its hosts anew.
    host = vcsim("esx" if model == "esx" else "vpx", hosts=1, tls=True)
    async with at(host) as followed:
        assert await followed.told() == "connected"
        before = followed.domains

        await asyncio.to_thread(host.stop)
        assert await followed.told() == "disconnected"
        assert followed.is_stale
        await asyncio.to_thread(host.start)

        assert await followed.told() == "connected"
        assert followed.domains == before
        assert not followed.is_stale


async def test_a_wrong_password_is_said_in_vcsims_words(vcenter: Vcsim) -> None:
    """One try, and the user is named."""
    vcenter.password = "wrong"
    async with at(vcenter) as followed:
        assert str(await followed.failure()) == (
            f"{followed.source} refused the login of user 'root': Login failure; check the user "
            f"name and the password (tried again after 15 minutes, or by a restart of eventd)"
        )


async def test_another_product_is_said(vcsim: StartVcsim) -> None:
    """An esx URI at a vCenter gets no password."""
    host = vcsim("vpx")
    host.model = "esx"
    async with at(host) as followed:
        sentence = str(await followed.failure())

    assert sentence.startswith(f"{followed.source} is 'VMware vCenter Server")
    assert sentence.endswith("(product line 'vpx'), which is reached with vpx://")
