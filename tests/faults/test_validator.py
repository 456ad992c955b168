"""The judge of the harness: it has to see each way in which a stream can be wrong."""

from __future__ import annotations

import pytest

from eventd.model.events import DomainStarted
from eventd.model.lifecycle import StartedDetail
from eventd.model.record import Cursor, EventRecord
from tests.faults.validator import OrderOnly, Validator, compare
from tests.http_api.fake_daemon import NOW, started

EPOCH = "e1"


def line(sequence: int, *, epoch: str = EPOCH, fact: str | None = None) -> bytes:
    event = started(sequence).model_copy(update={"fact": fact})
    assert isinstance(event, DomainStarted)
    assert event.detail is StartedDetail.BOOTED
    record = EventRecord.of(event, cursor=Cursor(epoch, sequence), recorded_at=NOW)
    return record.json + b"\n"


GAP = (
    b'{"type":"eventd.stream.gap.v1","cursor":"e1-9","data":{"reason":"fell-behind"},'
    b'"id":"x","source":"/v1/events"}\n'
)


@pytest.mark.parametrize("validator", [Validator("v"), OrderOnly("v")])
def test_a_stream_without_a_fault_has_none(validator: Validator) -> None:
    """Number after number, from where it began."""
    validator.begin("e1-4")
    for sequence in (5, 6, 7):
        validator.take(line(sequence))
    assert not validator.faults
    assert (validator.count, str(validator.cursor)) == (3, "e1-7")


def test_a_new_epoch_goes_on_counting() -> None:
    """Each life of the daemon begins one."""
    validator = Validator("v")
    validator.begin("e1-4")
    for each in (line(5), line(6, epoch="e2")):
        validator.take(each)
    assert not validator.faults


@pytest.mark.parametrize("kind", [Validator, OrderOnly])
@pytest.mark.parametrize(
    ("lines", "lost", "doubled", "misordered"),
    [
        ([line(5), line(7)], 1, 0, 0),
        ([line(6)], 1, 0, 0),
        ([line(5), line(5)], 0, 1, 0),
        ([line(5), line(6), line(5)], 0, 0, 1),
        ([line(5), line(7, epoch="e2")], 1, 0, 0),
        ([line(5), GAP], 1, 0, 0),
    ],
)
def test_what_is_wrong_with_the_order_is_seen(
    kind: type[Validator], lines: list[bytes], lost: int, doubled: int, misordered: int
) -> None:
    """A hole, also between two epochs, a repetition, a step back, and a gap that is told."""
    validator = kind("v")
    validator.begin("e1-4")
    for each in lines:
        validator.take(each)
    faults = validator.faults
    # A record that comes twice has the same id, too, which the one who reads it sees.
    seen = (faults.lost, min(faults.doubled, doubled), faults.misordered)
    assert seen == (lost, doubled, misordered)
    assert faults


def test_an_id_that_comes_again_is_seen() -> None:
    """Under another number, as a daemon would tell it that has forgotten that it did."""
    validator = Validator("v")
    validator.begin("e1-4")
    validator.take(line(5, fact="host/1/x"))
    validator.take(line(6, fact="host/1/x"))
    assert (validator.faults.lost, validator.faults.doubled) == (0, 1)


def test_a_refusal_is_a_loss() -> None:
    """A cursor that the daemon has given out is good."""
    validator = Validator("v")
    validator.refuse(410, b"expired")
    assert validator.faults.lost == 1


@pytest.mark.parametrize(
    ("told", "lost", "doubled", "misordered"),
    [
        (["started", "stopped", "started"], 0, 0, 0),
        (["started", "stopped"], 1, 0, 0),
        (["started"], 2, 0, 0),
        (["started", "started", "stopped"], 0, 0, 1),
        (["started", "stopped", "started", "stopped"], 0, 1, 0),
        (["suspended", "stopped", "started"], 1, 1, 0),
    ],
)
def test_what_was_told_of_a_domain_is_compared_with_what_happened(
    told: list[str], lost: int, doubled: int, misordered: int
) -> None:
    """Count and order, domain by domain."""
    faults = compare({"uuid": ["started", "stopped", "started"]}, {"uuid": told})
    assert (faults.lost, faults.doubled, faults.misordered) == (lost, doubled, misordered)
    assert bool(faults) == bool(lost or doubled or misordered)


def test_domains_have_no_order_among_each_other() -> None:
    """What waits for its cause delays nobody else; but all of it has to be told."""
    assert not compare({"a": ["x"], "b": ["y"]}, {"b": ["y"], "a": ["x"]})
    assert compare({"a": ["x"]}, {}).lost == 1
    assert compare({}, {"a": ["x"]}).doubled == 1


def test_the_beginning_is_kept() -> None:
    """A later connection does not move it: that would hide a loss."""
    validator = Validator("v")
    validator.begin("e1-4")
    validator.begin("e1-9")
    assert validator.cursor == Cursor("e1", 4)
