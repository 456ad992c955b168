"""The whole way against a host that nobody here wrote, with clients that nobody here wrote."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.processes import Daemon, Reader, Simulator, told
from tests.peers.vcsim_process import Model, Vcsim

if TYPE_CHECKING:
    from pyVmomi import vim

    from tests.conftest import Connect, StartVcsim
    from tests.peers.operations import Operations

pytestmark = [pytest.mark.curl, pytest.mark.pyvmomi, pytest.mark.timeout(180)]


JOB = ": job-completed "

Sentence = tuple[str, str]
"""The reference of a domain, and what was told of it."""

Host = Vcsim | Simulator
LogIn = Callable[[Host], "Operations"]


@pytest.fixture
def log_in(connect: Connect, operations: type[Operations]) -> LogIn:
    """Log pyVmomi in to a host."""

    def log_in(host: Host) -> Operations:
        return operations(connect(host.host, host.port, host.user, host.password))

    return log_in


def follow(host: Host, directory: Path) -> Daemon:
    """Return the daemon that follows a host."""
    return Daemon(directory, {host.model: (host.connection_uri, host.password)})


@pytest.mark.vcsim
@pytest.mark.parametrize("model", ["vpx", "esx"])
def test_what_is_done_to_domains_of_vcsim_arrives_at_every_reader(
    model: Model, vcsim: StartVcsim, log_in: LogIn, tmp_path: Path
) -> None:
    """Each operation gives the event and the reason that libvirt's table has for it."""
    host = vcsim(model, domains=3)

    play_one_of_each(host, log_in(host), tmp_path)


@pytest.mark.parametrize("model", ["vpx", "esx"])
def test_the_same_done_to_the_simulator_gives_the_same_events(
    model: Model, log_in: LogIn, tmp_path: Path
) -> None:
    """The embedded simulator is no kinder to us than the host that nobody here wrote."""
    with Simulator(model, domains=3) as host:
        client = log_in(host)
        for domain in client.domains().values():
            client.power_on(domain)

        play_one_of_each(host, client, tmp_path)


def play_one_of_each(host: Host, client: Operations, directory: Path) -> None:
    """Operate on three running domains while two readers listen, and compare what they print."""
    first, second, third = (domain for _, domain in sorted(client.domains().items()))
    names = [domain.name for domain in (first, second, third)]
    with follow(host, directory) as daemon:
        daemon.wait_until_connected()
        with Reader.watch(daemon) as watch, Reader.curl(daemon) as curl:
            for reader in (watch, curl):
                reader.read_snapshot(domains=3)

            client.power_off(first)
            client.power_on(first)
            client.suspend(first)
            client.power_on(first)
            client.reset(first)
            client.rename(first, "web%2f99")
            client.power_off(second)
            client.unregister(second)
            client.power_off(third)
            client.destroy(third)
            expected = [
                f"{names[0]}: stopped destroyed",
                f"{names[0]}: started booted",
                f"{names[0]}: suspended paused",
                f"{names[0]}: job-completed suspend",
                f"{names[0]}: resumed unpaused",
                f"{names[0]}: reboot",
                f"{names[0]}: undefined renamed",
                "web/99: defined renamed",
                f"{names[1]}: stopped destroyed",
                f"{names[1]}: undefined removed",
                f"{names[2]}: stopped destroyed",
                f"{names[2]}: undefined removed",
            ]

            seen = [reader.read_events(len(expected)) for reader in (watch, curl)]
    assert told(seen[0]) == expected
    assert seen[0] == seen[1]
    ids = [event["data"]["event_id"] for event in seen[0]]
    assert ids == [0, 0, 0, 21, 0, 1, 0, 0, 0, 0, 0, 0]
    stopped = seen[0][0]["data"]
    assert (stopped["event"], stopped["detail"]) == (5, 1)
    # vcsim names itself as the user, whoever is logged in.
    assert stopped["evidence"]["task"]["user"] == ("vcsim" if isinstance(host, Vcsim) else "root")


@pytest.mark.vcsim
def test_vmotion_arrives_as_two_adjacent_events(
    vcsim: StartVcsim, log_in: LogIn, tmp_path: Path
) -> None:
    """STOPPED/migrated with the old host, then STARTED/migrated with the new one."""
    host = vcsim("vpx", domains=1, hosts=2)
    client = log_in(host)
    [domain] = client.domains().values()
    with follow(host, tmp_path) as daemon:
        daemon.wait_until_connected()
        with Reader.curl(daemon) as curl:
            curl.read_snapshot(domains=1)
            here, there = hosts_of(client, domain)

            client.relocate(domain, there)

            stopped, started, completed = curl.read_events(3)
    assert told([stopped, started, completed]) == [
        f"{domain.name}: stopped migrated",
        f"{domain.name}: started migrated",
        f"{domain.name}: job-completed relocate",
    ]
    assert stopped["data"]["domain"]["host"] == here.name
    assert started["data"]["domain"]["host"] == there.name
    assert int(started["sequence"]) == int(stopped["sequence"]) + 1


def hosts_of(
    client: Operations, domain: vim.VirtualMachine
) -> tuple[vim.HostSystem, vim.HostSystem]:
    """Return the host that a domain is on and another one."""
    hosts = list(client.hosts().values())
    place = client.read(domain, "runtime.host")
    [here] = [host for host in hosts if host == place]
    return here, next(host for host in hosts if host != here)


class RandomOperations:
    """Does random things that are possible, and says what has to be told of each."""

    def __init__(self, client: Operations, *, seed: int) -> None:
        self._client = client
        self._random = random.Random(seed)
        self._domains = dict(sorted(client.domains().items()))
        self._states = dict.fromkeys(self._domains, "on")
        self._names = (f"renamed-{number}" for number in range(10_000))

    def do_one(self) -> Iterator[Sentence]:
        """Do one, and yield the sentences of the events that it leads to."""
        name = self._random.choice(sorted(self._domains))
        reference = self._client.reference(self._domains[name])
        for sentence in self._do_something(name):
            yield reference, sentence

    def _do_something(self, name: str) -> Iterator[str]:
        state = self._states[name]
        domain = self._domains[name]
        possible = {
            "on": ["power_off", "suspend", "rename", "relocate"],
            "off": ["power_on", "rename", *(["remove"] if len(self._domains) > 4 else [])],
            "suspended": ["power_on", "power_off", "rename"],
        }
        operation = self._random.choice(possible[state])
        match operation:
            case "power_on":
                self._client.power_on(domain)
                yield f"{name}: {'resumed unpaused' if state == 'suspended' else 'started booted'}"
                self._states[name] = "on"
            case "power_off":
                self._client.power_off(domain)
                yield f"{name}: stopped destroyed"
                self._states[name] = "off"
            case "suspend":
                self._client.suspend(domain)
                yield f"{name}: suspended paused"
                yield f"{name}: job-completed suspend"
                self._states[name] = "suspended"
            case "rename":
                new = next(self._names)
                self._client.rename(domain, new)
                yield f"{name}: undefined renamed"
                yield f"{new}: defined renamed"
                self._domains[new] = self._domains.pop(name)
                self._states[new] = self._states.pop(name)
            case "relocate":
                _, there = hosts_of(self._client, domain)
                self._client.relocate(domain, there)
                yield f"{name}: stopped migrated"
                yield f"{name}: started migrated"
                yield f"{name}: job-completed relocate"
            case _:
                remove = self._random.choice([self._client.unregister, self._client.destroy])
                remove(domain)
                yield f"{name}: undefined removed"
                del self._domains[name], self._states[name]


@pytest.mark.vcsim
def test_random_operations_give_exactly_the_expected_sequence(
    vcsim: StartVcsim, log_in: LogIn, tmp_path: Path
) -> None:
    """200 operations: of no domain is anything lost, doubled, reordered or made up.

    Between domains there is no order: a change that waits for its cause delays no other. That a
    job has ended is told when its task is looked at again, perhaps after a rename that followed.
    """
    host = vcsim("vpx", domains=8, hosts=3)
    client = log_in(host)
    with follow(host, tmp_path) as daemon:
        daemon.wait_until_connected()
        with Reader.watch(daemon) as watch, Reader.curl(daemon) as curl:
            for reader in (watch, curl):
                reader.read_snapshot(domains=8)
            play = RandomOperations(client, seed=20261120)

            expected = [sentence for _ in range(200) for sentence in play.do_one()]

            seen = [reader.read_events(len(expected)) for reader in (watch, curl)]
    references = [event["data"]["domain"]["reference"] for event in seen[0]]
    heard = list(zip(references, told(seen[0]), strict=True))
    assert by_domain(heard) == by_domain(expected)
    assert jobs(heard) == jobs(expected)
    assert seen[0] == seen[1]


def by_domain(sentences: Sequence[Sentence]) -> dict[str, list[str]]:
    """Return what was told of each domain, in order, but for its jobs."""
    found: dict[str, list[str]] = {}
    for reference, sentence in sentences:
        if JOB not in sentence:
            found.setdefault(reference, []).append(sentence)
    return found


def jobs(sentences: Sequence[Sentence]) -> Counter[Sentence]:
    """Return the jobs of each domain, by what they were."""
    return Counter(
        (reference, sentence.partition(JOB)[2])
        for reference, sentence in sentences
        if JOB in sentence
    )
