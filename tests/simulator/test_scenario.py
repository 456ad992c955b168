"""Scripts of what happens: how they are read and refused, and what comes of them when played."""

from __future__ import annotations

from datetime import timedelta
from importlib import resources

import pytest

from eventd.errors import EventdError, InvalidArgument
from eventd.model.events import EVENT_CLASSES, LifecycleEvent
from eventd.simulator.operations import operations
from eventd.simulator.scenario import DomainPlan, PacePlan, Scenario, WorldPlan, parse
from eventd.simulator.scenarios import load, names
from eventd.simulator.world import World
from tests.simulator.played import START

WORDS = {
    " ".join(word for word in (prefix, each.type, reason) if word)
    for each in EVENT_CLASSES
    for prefix in ("" if issubclass(each, LifecycleEvent) else each.kind,)
    for reason in each.reasons or ("",)
}

SCRIPT = """
title = "A user pulls the plug"
domains = { web01 = "on" }
expect = ["web01 stopped destroyed task user:ops"]

[[steps]]
do = "power_off"
name = "web01"
user = "ops"
"""


def played(scenario: Scenario) -> dict[str, World]:
    """The worlds after the whole scenario, each step at its time."""
    worlds = scenario.build(now=START)
    last = START
    for due in scenario.play(worlds, start=START):
        for world in worlds.values():
            world.advance(due.at)
        due.perform()
        last = due.at
    for world in worlds.values():
        world.advance(last + timedelta(seconds=10))
    return worlds


@pytest.mark.parametrize("name", names())
def test_what_happens_in_a_scenario_is_what_it_says(name: str) -> None:
    """Its `expect` and what the world writes down are two statements of the same."""
    scenario = load(name)

    for world, after in played(scenario).items():
        expected = scenario.expect[world]
        assert expected is None or scenario.told(world, after) == list(expected)


@pytest.mark.parametrize("name", names())
def test_a_scenario_speaks_libvirts_words(name: str) -> None:
    """Type and detail of a lifecycle event; of another one kind, type and chief argument."""
    for after in played(load(name)).values():
        assert {happening.words for happening in after.happened} <= WORDS


def test_each_situation_has_its_scenario() -> None:
    """They are numbered from 01 to 42."""
    numbers = {name[:2] for name in names() if name[:2].isdigit()}

    assert numbers == {f"{number:02}" for number in range(1, 43)}


def test_a_scenario_is_found_by_its_number() -> None:
    """The rest of its name need not be typed."""
    by_name = load("07-guest-shutdown-asked-for")

    assert load("07").title == load("7").title == by_name.title


def test_a_scenario_that_is_no_file_either_is_refused() -> None:
    """The message says where the names are listed."""
    with pytest.raises(InvalidArgument, match="'eventd simulate --list-scenarios'"):
        load("no-such-thing")


def test_a_caller_may_do_something_between_two_steps() -> None:
    """The steps come one by one, with their times; nothing happens until they are performed."""
    scenario = parse(SCRIPT + '[[steps]]\nafter = 0.5\ndo = "power_on"\nname = "web01"\n', name="x")
    worlds = scenario.build(now=START)

    steps = scenario.play(worlds, start=START)
    first, second = next(steps), next(steps)
    before = list(worlds["host"].happened)
    first.perform()

    assert (first.at, second.at) == (START + timedelta(seconds=1), START + timedelta(seconds=1.5))
    assert before == []
    assert str(first.step) == "power_off name='web01' user='ops'"


def test_domains_are_as_the_script_says_before_the_first_step() -> None:
    """Power, host and identity; without a host they take turns."""
    scenario = parse(
        """
        title = "x"
        hosts = 2
        steps = []
        [domains]
        web01 = "suspended"
        db01 = { power = "on", host = "esx01.example", uuid = "u", instance_uuid = "i" }
        mail01 = "off"
        """,
        name="x",
    )

    world = scenario.build(now=START)["host"]

    states = [world.read(name, "runtime.powerState") for name in world.domains.names]
    hosts = [world.read(name, "runtime.host") for name in world.domains.names]
    assert states == ["suspended", "poweredOn", "poweredOff"]
    assert hosts == [world.host("esx01.example")] * 3
    assert world.read("db01", "config.uuid") == "u"
    assert world.read("db01", "config.instanceUuid") == "i"
    assert (world.happened, list(world.events.events)) == ([], [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title", "x.toml is no TOML: .*; correct the line"),
        ("steps = []", "x.toml: title is missing; add it"),
        ('title = "t"', "x.toml: steps is missing; add it"),
        ('title = "t"\nsteps = []\nhots = 2', "hots is no key of a scenario; remove or correct it"),
        (
            'title = "t"\nsteps = []\nproduct = "kvm"',
            "x.toml: product = 'kvm' is wrong; expected 'esx' or 'vpx'",
        ),
        ('title = "t"\nsteps = []\nproduct = "esx"\nhosts = 2', "a bare host has one host"),
        (
            'title = "t"\nsteps = []\ndomains = { a = { host = "b" } }',
            "x.toml: domains.a.host = 'b' is wrong; choose one of: esx01.example",
        ),
        (
            'title = "t"\nsteps = []\nworlds = [{ name = "a" }, { name = "a" }]',
            "two worlds are called 'a'",
        ),
        (
            SCRIPT.replace("power_off", "power_of"),
            r"x.toml, step 1 \(power_of\): there is no such operation; did you mean 'power_off'",
        ),
        (SCRIPT.replace("user", "usr"), "step 1 .*no argument 'usr'; it takes name, user"),
        (SCRIPT.replace('"ops"', "1"), "step 1 .*: user = 1 is wrong; expected a string"),
        (SCRIPT.replace('name = "web01"', ""), "step 1 .*: the argument 'name' is missing; add it"),
        (SCRIPT + "after = -1", "x.toml, step 1: after = -1 is wrong; expected at least 0"),
        (SCRIPT + 'world = "b"', "step 1 .*: no world is called 'b'; choose one of: host"),
        (
            SCRIPT.replace('"on"', '"up"'),
            "x.toml: domains.web01.power = 'up' is wrong; expected 'on', 'off' or 'suspended'",
        ),
        (SCRIPT.replace('"on"', "1"), "x.toml: domains.web01 = 1 is wrong; expected a table"),
        (
            SCRIPT.replace('{ web01 = "on" }', '{ web01 = { pwr = "on" } }'),
            "x.toml: domains.web01.pwr is no key of a scenario",
        ),
        (SCRIPT + "say = 1", "x.toml, step 1: say = 1 is wrong; expected a string"),
        ('title = "t"\nsteps = []\nhosts = "2"', "hosts = '2' is wrong; expected a whole number"),
        ('title = "t"\nsteps = []\nexpect = "x"', "expect = 'x' is wrong; expected an array"),
        (
            'title = "t"\nsteps = []\nworlds = [{ name = "a" }, { name = "b", hosts = 0 }]',
            "x.toml, world 2: hosts = 0 is wrong; expected at least 1",
        ),
        (
            SCRIPT.replace("power_off", "isolate").replace("user", "result"),
            "result = 'ops' is wrong; expected 'shutdown' or 'poweredOff'",
        ),
    ],
)
def test_a_mistake_in_a_script_is_named_with_its_place(text: str, message: str) -> None:
    """And with what to do about it."""
    with pytest.raises(InvalidArgument, match=message):
        parse(text, name="x.toml")


def test_of_several_worlds_a_step_has_to_name_one() -> None:
    """Nothing is guessed."""
    text = """
    title = "x"
    worlds = [{ name = "left" }, { name = "right" }]
    steps = [{ do = "power_off", name = "web01" }]
    """
    with pytest.raises(InvalidArgument, match=r"'world' is missing; choose one of: left, right"):
        parse(text, name="x.toml")


@pytest.mark.parametrize(
    ("name", "reason"),
    [("nobody", "no domain is named 'nobody'"), ("web01", "InvalidPowerState")],
)
def test_a_step_that_the_world_does_not_allow_is_named(name: str, reason: str) -> None:
    """The reason is the world's."""
    scenario = parse(SCRIPT.replace('"on"', '"off"').replace('"web01"', f'"{name}"'), name="x.toml")
    [due] = scenario.play(scenario.build(now=START), start=START)

    with pytest.raises(EventdError, match=rf"x.toml, step 1 \(power_off\): {reason}"):
        due.perform()


def test_every_operation_can_be_told_in_a_script() -> None:
    """What takes something that TOML cannot say has an operation beside it that does not."""
    offered = set(operations())

    assert {"power_on", "run_out_of_space", "fail_power_on", "restart_by_ha"} <= offered
    assert not {"ask", "reconfigure_devices", "cancel_task"} & offered


def test_a_scenario_can_change_a_question_and_take_it_back() -> None:
    """The host does both by itself."""
    scenario = parse(
        SCRIPT.replace('"on"', '"off"')
        .replace('"web01 stopped destroyed task user:ops"', "")
        .partition("[[steps]]")[0]
        + """
        pace = { running = 1, progress_steps = 3 }
        steps = [
            { do = "script_question", name = "web01" },
            { do = "power_on", name = "web01" },
            { do = "reword_question", name = "web01", text = "Really?" },
            { do = "withdraw_question", name = "web01" },
        ]
        """,
        name="x.toml",
    )

    [world] = played(scenario).values()

    assert scenario.worlds[0].pace.pace().progress_steps == 3
    assert scenario.told("host", world) == [
        "web01 question raised state",
        "web01 question changed state",
        "web01 question cleared elsewhere state",
        "web01 started booted task user:root",
    ]


def test_arguments_are_taken_as_they_are_written() -> None:
    """A number in quotes is no number."""
    step = '[[steps]]\ndo = "storm"\ncount = "5"\n'

    with pytest.raises(InvalidArgument, match="count = '5' is wrong; expected a whole number"):
        parse(SCRIPT + step, name="x.toml")


def test_the_example_of_the_description_can_be_played() -> None:
    """And what it expects is what happens."""
    described = resources.files("eventd.simulator.scenarios").joinpath("README.md")
    _, _, rest = described.read_text(encoding="utf-8").partition("```toml\n")
    scenario = parse(rest.partition("```")[0], name="README.md")

    [world] = played(scenario).values()

    assert scenario.told("host", world) == list(scenario.expect["host"] or ())


def test_every_key_is_described() -> None:
    """Those of hosts, domains, paces and steps."""
    described = resources.files("eventd.simulator.scenarios").joinpath("README.md")
    text = described.read_text(encoding="utf-8")

    keys = {*WorldPlan.model_fields, *DomainPlan.model_fields, *PacePlan.model_fields}
    assert [key for key in sorted(keys) if f"`{key}`" not in text] == []
