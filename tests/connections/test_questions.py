"""Questions that are in the way of an operation: every outcome, and libvirt's own as the judge."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from eventd.errors import ErrorCode
from eventd.simulator import World, serve
from tests.connections.operating import operating
from tests.connections.question_scenarios import FAST, ROWS, Outcome, Row, mutating_calls

if TYPE_CHECKING:
    from tests.peers.virsh_command import Outcome as Ran
    from tests.peers.virsh_command import Virsh

TABLE = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
AUTO_ANSWER = pytest.mark.parametrize("auto_answer", [0, 1])


def world_of(row: Row) -> World:
    now = datetime.now(UTC)
    world = row.world(domains=1, pace=FAST, now=now)
    row.arrange(world, now)
    return world


@AUTO_ANSWER
@TABLE
async def test_each_question_has_its_outcome(row: Row, auto_answer: int) -> None:
    """The calls that change something, the error, and nothing left behind on the host."""
    async with operating(world_of(row), auto_answer=bool(auto_answer)) as host:
        before = host.server.service.sessions.belongings()
        code = await host.code("start")
        outcome = Outcome(mutating_calls(host.server), code)
        after = host.server.service.sessions.belongings()

    assert outcome == row.expected[auto_answer]
    assert after == before


# --- libvirt's own driver, on the same host -------------------------------------------------------

_CODES = {
    "internal error:": ErrorCode.INTERNAL_ERROR,
    "Requested operation is not valid:": ErrorCode.OPERATION_INVALID,
}

_LIMIT = 3.0
"""Seconds after which virsh is taken to hang; a start takes it a tenth of one."""


def code_of(ran: Ran) -> ErrorCode | None:
    if ran.status == 0:
        return None
    return next(code for prefix, code in _CODES.items() if prefix in ran.errors)


@pytest.mark.virsh
@AUTO_ANSWER
@TABLE
async def test_libvirt_does_the_same_or_it_is_said_why_not(
    virsh: Virsh, row: Row, auto_answer: int
) -> None:
    """The oracle, where it is one."""
    expected, _why = row.differs.get(auto_answer, (row.expected[auto_answer], ""))
    world = world_of(row)
    async with serve(world, empty_update_interval=row.empty_updates) as server:
        uri = f"{server.uri}&auto_answer={auto_answer}"
        try:
            ran = await virsh(uri, "start", "web01", limit=_LIMIT)
        except TimeoutError:
            assert expected is None
        else:
            assert Outcome(mutating_calls(server), code_of(ran)) == expected


def test_each_difference_to_libvirt_has_its_reason() -> None:
    """And is one."""
    differences = [
        (row.expected[auto_answer], *difference)
        for row in ROWS
        for auto_answer, difference in row.differs.items()
    ]

    assert all(why and theirs != ours for ours, theirs, why in differences)
