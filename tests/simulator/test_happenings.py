"""The world's own list of what happened: it is enough to know what every domain is doing."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import datetime, timedelta

import pytest

from eventd.simulator.world import Happening, Pace, VIFault, World
from tests.simulator.played import START

ALONE = (
    *("power_on", "power_off", "suspend", "reset", "terminate", "shutdown_guest", "reboot_guest"),
    *("standby_guest", "guest_powers_off", "guest_reboots", "guest_crashes", "crash", "kill"),
    *("guest_falls_asleep", "guest_wakes_up", "isolate", "terminate_by_vmcp", "reset_by_ha"),
    *("create_snapshot", "remove_snapshot", "revert", "fail_power_on", "refuse_power_on"),
    *("reconfigure", "mark_as_template", "mark_as_domain", "relocate", "guest_reboot_powers_off"),
)

AFTER = {
    "started": "poweredOn",
    "resumed": "poweredOn",
    "suspended": "suspended",
    "stopped": "poweredOff",
}


def after(happened: list[Happening]) -> dict[str, str]:
    """The power state of each domain of which something was told."""
    states: dict[str, str] = {}
    for happening in happened:
        state = AFTER.get(happening.words.split()[0])
        if state is not None:
            states[happening.domain] = state
    return states


def live(played: World, steps: int, choose: random.Random) -> None:
    """Let anything happen to any domain; what a host would refuse does not happen."""
    now = played.now
    for _ in range(steps):
        now += timedelta(milliseconds=choose.choice((0, 5, 30, 70, 500)))
        name, host = choose.choice(played.domains.names), choose.choice(played.host_names)
        with suppress(VIFault):
            act(played, choose.choice((*ALONE, "migrate", "restart_by_ha")), name, host, now)
    played.advance(now + timedelta(seconds=10))


def act(played: World, action: str, name: str, host: str, now: datetime) -> None:
    if action == "migrate":
        played.migrate(name, host, now=now)
    elif action != "restart_by_ha":
        getattr(played, action)(name, now=now)
    elif played.read(name, "runtime.powerState") == "poweredOff":
        played.restart_by_ha(name, host, now=now)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "pace", [Pace(), Pace(event_delay=timedelta(seconds=1), ending=timedelta(milliseconds=20))]
)
def test_what_happened_tells_what_every_domain_is_doing(seed: int, pace: Pace) -> None:
    """Whatever happens to them, in whatever order."""
    played = World(product="vpx", domains=10, hosts=3, powered_on=True, pace=pace, now=START)

    live(played, 1500, random.Random(seed))

    assert len(played.happened) > 500
    told = after(played.happened)
    assert {name: played.read(name, "runtime.powerState") for name in told} == told


def test_a_happening_reads_as_a_line() -> None:
    """Domain, words, cause, who did it, and from where to where."""
    played = World(product="vpx", domains=1, hosts=2, powered_on=True, now=START)

    played.migrate("web01", "esx02.example", initiator="drs", now=START)
    played.advance(START + timedelta(seconds=1))
    played.power_off("web01", user="VSPHERE.LOCAL\\ops", now=START + timedelta(seconds=1))
    played.advance(START + timedelta(seconds=2))

    assert [str(happening) for happening in played.happened] == [
        "web01 stopped migrated task drs from esx01.example to esx02.example",
        "web01 started migrated task drs from esx01.example to esx02.example",
        "web01 job-completed migrate task drs",
        r"web01 stopped destroyed task user:VSPHERE.LOCAL\ops",
    ]
