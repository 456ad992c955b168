"""vcsim plays what eventd's end-to-end tests ask of it, in both of its products.

pyVmomi is the client here: nothing of eventd takes part.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.peers.vcsim_process import PROGRAM

if TYPE_CHECKING:
    from pyVmomi import vim

    from tests.conftest import Connect, StartVcsim
    from tests.peers.operations import Operations
    from tests.peers.vcsim_process import Model, Vcsim

pytestmark = [pytest.mark.vcsim, pytest.mark.pyvmomi]

Operate = Callable[["vim.ServiceInstance"], "Operations"]
LogIn = Callable[["Vcsim"], "vim.ServiceInstance"]


@pytest.fixture
def log_in(connect: Connect) -> LogIn:
    """Log in to a vcsim with its own user and password."""
    return lambda host: connect(host.host, host.port, host.user, host.password, tls=host.tls)


@pytest.fixture(params=["vpx", "esx"])
def operator(
    request: pytest.FixtureRequest, vcsim: StartVcsim, log_in: LogIn, operations: Operate
) -> Operations:
    """Operate on two domains of a vCenter, then of a bare ESX host."""
    return operations(log_in(vcsim(request.param, domains=2)))


@pytest.fixture
def domain(operator: Operations) -> vim.VirtualMachine:
    """Take any domain; it is powered on."""
    return next(iter(operator.domains().values()))


def power_state(operator: Operations, domain: vim.VirtualMachine) -> object:
    return operator.read(domain, "runtime.powerState")


@pytest.mark.parametrize(
    ("model", "product", "domains", "hosts"),
    [("vpx", "vpx", 3, 2), ("esx", "embeddedEsx", 3, 1)],
)
def test_a_host_is_the_asked_product_with_the_asked_inventory(
    vcsim: StartVcsim,
    log_in: LogIn,
    operations: Operate,
    model: Model,
    product: str,
    domains: int,
    hosts: int,
) -> None:
    """``-esx`` makes a bare host; a vCenter has as many hosts and domains as it was told."""
    service = log_in(vcsim(model, domains=domains, hosts=hosts))
    operator = operations(service)

    assert service.content.about.productLineId == product
    assert len(operator.domains()) == domains
    assert len(operator.hosts()) == hosts
    assert {power_state(operator, domain) for domain in operator.domains().values()} == {
        "poweredOn"
    }


def test_a_host_serves_tls_when_asked(vcsim: StartVcsim, log_in: LogIn) -> None:
    """With ``tls`` the same API is served by HTTPS, under a certificate that nobody trusts."""
    host = vcsim(tls=True)

    service = log_in(host)

    assert host.url.startswith("https://")
    assert service.content.about.apiType == "VirtualCenter"


def test_a_wrong_password_is_refused(vcsim: StartVcsim, connect: Connect) -> None:
    """Only the one user with the one password gets in."""
    from pyVmomi import vim

    host = vcsim()

    with pytest.raises(vim.fault.InvalidLogin):
        connect(host.host, host.port, host.user, "wrong")


def test_a_domain_is_powered_off_and_on(operator: Operations, domain: vim.VirtualMachine) -> None:
    """Each operation has happened when the call returns."""
    operator.power_off(domain)
    after_power_off = power_state(operator, domain)
    operator.power_on(domain)

    assert after_power_off == "poweredOff"
    assert power_state(operator, domain) == "poweredOn"


def test_a_refused_operation_raises_the_fault_of_its_task(
    operator: Operations, domain: vim.VirtualMachine
) -> None:
    """A task that ends in an error is an exception, not a success."""
    from pyVmomi import vim

    operator.power_off(domain)

    with pytest.raises(vim.fault.InvalidPowerState):
        operator.power_off(domain)


def test_a_domain_is_suspended_and_woken(operator: Operations, domain: vim.VirtualMachine) -> None:
    """A suspended domain is started again by ``power_on``."""
    operator.suspend(domain)
    after_suspend = power_state(operator, domain)
    operator.power_on(domain)

    assert after_suspend == "suspended"
    assert power_state(operator, domain) == "poweredOn"


def test_a_domain_is_renamed(operator: Operations, domain: vim.VirtualMachine) -> None:
    """The new name is the one that VI shows."""
    old_name = domain.name

    operator.rename(domain, "db%2f01 & <co>")

    assert operator.domains()["db%2f01 & <co>"] == domain
    assert old_name not in operator.domains()


def test_an_unregistered_domain_is_gone(operator: Operations, domain: vim.VirtualMachine) -> None:
    """A domain can be unregistered only when it is off."""
    operator.power_off(domain)

    operator.unregister(domain)

    assert domain not in operator.domains().values()


def test_a_destroyed_domain_is_gone(operator: Operations, domain: vim.VirtualMachine) -> None:
    """A domain can be destroyed only when it is off."""
    operator.power_off(domain)

    operator.destroy(domain)

    assert domain not in operator.domains().values()


def test_a_running_domain_moves_to_every_other_host(
    vcsim: StartVcsim, log_in: LogIn, operations: Operate
) -> None:
    """A vMotion goes to a host of the same cluster and to one outside of it."""
    host = vcsim("vpx", domains=1, hosts=2, standalone_hosts=1)
    operator = operations(log_in(host))
    domain = operator.domains()["DC0_C0_RP0_VM0"]
    home = operator.read(domain, "runtime.host")

    others = [host for host in operator.hosts().values() if host != home]
    for other in others:
        operator.relocate(domain, other)

        assert operator.read(domain, "runtime.host") == other
        assert power_state(operator, domain) == "poweredOn"
    assert len(others) == 2


def test_a_restarted_host_is_back_at_its_address_and_knows_nothing(
    vcsim: StartVcsim, log_in: LogIn, operations: Operate
) -> None:
    """After a restart the inventory is that of the beginning and every session is unknown."""
    from pyVmomi import vim

    host = vcsim("esx", domains=1)
    before = operations(log_in(host))
    (domain,) = before.domains().values()
    uuid = before.read(domain, "config.uuid")
    before.power_off(domain)
    url = host.url

    host.stop()
    host.start()

    assert host.url == url
    with pytest.raises(OSError):  # noqa: PT011 - the way in which the cut shows is a race
        before.domains()
    with pytest.raises(vim.fault.NotAuthenticated):
        before.domains()
    after = operations(log_in(host))
    (domain,) = after.domains().values()
    assert after.read(domain, "config.uuid") == uuid
    assert power_state(after, domain) == "poweredOn"


def test_a_host_ends_when_its_standard_input_closes() -> None:
    """A test run that dies leaves no host behind: its end of the pipe closes with it."""
    outcome = subprocess.run(
        [PROGRAM, "-vm=0"], input="", capture_output=True, text=True, timeout=30
    )

    assert outcome.returncode == 0
    assert outcome.stdout.startswith("http://127.0.0.1:")


def test_a_stopped_host_refuses_connections(vcsim: StartVcsim, log_in: LogIn) -> None:
    """Nothing listens at the address of a host that was stopped; stopping twice is harmless."""
    host = vcsim()

    host.stop()
    host.stop()

    with pytest.raises(ConnectionRefusedError):
        log_in(host)
