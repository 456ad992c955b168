"""A client that follows the updates always comes to know what is, whatever happens in between."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from eventd.simulator import INSTANT, Question, VIFault
from eventd.vi.types import ManagedObjectReference, UpdateKind, UpdateSet
from tests.simulator.client import Client, connect

PATHS = ("name", "runtime.powerState", "runtime.host", "runtime.question", "config.uuid")


class Mirror:
    """What a client knows from the updates that it read."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._version = ""
        self.known: dict[str, dict[str, object]] = {}

    def read(self, limit: int) -> bool:
        """Read one answer; False if there was nothing new."""
        updates = self._client.updates(self._version, limit=limit)
        if updates is None:
            return False
        self._version = updates.version
        self._apply(updates)
        return True

    def _apply(self, updates: UpdateSet) -> None:
        for update in (update for one in updates.filters for update in one.objects):
            match update.kind:
                case UpdateKind.LEAVE:
                    self.known.pop(update.obj.value, None)
                case UpdateKind.ENTER:
                    self.known[update.obj.value] = dict(update.changes)
                case UpdateKind.MODIFY:
                    self.known[update.obj.value].update(update.changes)


def present(client: Client) -> dict[str, dict[str, object]]:
    """What there is to know."""
    world = client.world
    return {
        world.domain(name).value: {
            path: value.value if isinstance(value, ManagedObjectReference) else value
            for path in PATHS[:3]
            if (value := world.read(name, path)) is not None
        }
        for name in world.domains.names
    }


def play(client: Client, action: str, name: str) -> None:
    """Let something happen, if it can."""
    world, now = client.world, client.now
    try:
        match action:
            case "create":
                world.create(f"new{world.objects.position}", now=now)
            case "rename":
                world.rename(name, f"name{world.objects.position}", now=now)
            case "migrate":
                world.migrate(name, "esx02.example", now=now)
            case "ask":
                world.ask(name, Question(), now=now)
            case _:
                getattr(world, action)(name, now=now)
    except VIFault:
        pass
    client.advance()


ACTIONS = ("power_on", "power_off", "suspend", "crash", "vanish", "create", "rename", "migrate")
STEPS = st.tuples(st.sampled_from((*ACTIONS, "ask", "read", "read")), st.integers(0, 9))


@settings(deadline=None)
@given(steps=st.lists(STEPS, max_size=25))
def test_following_leads_to_the_present(steps: list[tuple[str, int]]) -> None:
    """Answers may be short or long, and come at any time between the changes."""
    client = connect(product="vpx", hosts=2, domains=3, pace=INSTANT)
    client.follow(*PATHS)
    mirror = Mirror(client)

    for action, number in steps:
        names = client.world.domains.names
        if action == "read":
            mirror.read(limit=number + 1)
        elif names:
            play(client, action, names[number % len(names)])
    while mirror.read(limit=2):
        pass

    told = {
        reference: {path: properties.get(path) for path in PATHS[:3]}
        for reference, properties in mirror.known.items()
    }
    assert told == present(client)
