"""The judge of the harness: it has to see each way in which a stream can be wrong."""

from __future__ import annotations

import pytest

from eventd.model.events import DomainStarted
from eventd.model.lifecycle import StartedDetail
from eventd.model.record import Cursor, EventRecord
from tests.faults.validator import OrderOnly, Validator, compare
from tests.http_api.fake_daemon import NOW, started

EPOCH = "e1"


def line(
    sequence: int, *, epoch: str = EPOCH, fact: str | None = None, durable: bool = True
) -> bytes:
    event = started(sequence).model_copy(update={"fact": fact})
    assert isinstance(event, DomainStarted)
    assert event.detail is StartedDetail.BOOTED
    record = EventRecord.of(event, cursor=Cursor(epoch, sequence), recorded_at=NOW, durable=durable)
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


def told_and_lost() -> Validator:
    """Return one who was told of three facts, of which the last two were not on the disk."""
    validator = Validator("v")
    validator.begin("e1-4")
    validator.take(line(5, fact="a"))
    validator.take(line(6, epoch="e2", fact="b", durable=False))
    validator.take(line(7, epoch="e2", fact="c", durable=False))
    validator.lose({"e1-5"})
    return validator


def test_what_is_refused_because_it_was_lost_comes_anew_behind_what_is_safe() -> None:
    """Under the numbers of the next life, and with the same ids."""
    validator = told_and_lost()
    validator.refuse(410, b"")
    assert str(validator.cursor) == "e1-5"
    validator.begin("e3-5")
    for each in (line(6, epoch="e3", fact="b"), line(7, epoch="e3", fact="c")):
        validator.take(each)
    assert not validator.faults
    assert (validator.set_back, validator.told_anew, validator.lost) == (1, 2, set())
    assert len(validator.told) == 3


def test_behind_a_gap_all_that_is_held_comes_and_what_was_safe_is_the_same() -> None:
    """The beginning that the gap names may be before that of the subscriber."""
    validator = told_and_lost()
    validator.begin("e3-5")
    validator.take(GAP.replace(b"e1-9", b"e1-3"))
    for each in (line(4), line(5, fact="a"), line(6, epoch="e3", fact="b")):
        validator.take(each)
    assert not validator.faults
    assert (validator.set_back, validator.told_anew, len(validator.lost)) == (1, 1, 1)
    assert len(validator.told) == 2


@pytest.mark.parametrize(
    "again",
    [
        [line(4), line(5, fact="other")],
        [line(4), line(6, epoch="e3", fact="b")],
        [line(5, fact="a"), line(6, epoch="e3", fact="b")],
    ],
)
def test_what_was_on_the_disk_has_to_come_again_as_it_was(again: list[bytes]) -> None:
    """Another fact in its place, or a hole before or in it, is wrong."""
    validator = told_and_lost()
    validator.begin("e3-5")
    validator.take(GAP.replace(b"e1-9", b"e1-3"))
    for each in again:
        validator.take(each)
    assert validator.faults


def test_who_is_not_told_of_the_loss_has_been_cheated() -> None:
    """To go on as if nothing were lost hides what the next life told under the same numbers."""
    validator = told_and_lost()
    validator.begin("e3-7")
    validator.take(line(8, epoch="e3"))
    assert validator.faults.lost == 1


def test_who_has_nothing_but_what_is_on_the_disk_is_not_refused() -> None:
    """Be it that it was told before it was there."""
    validator = Validator("v")
    validator.begin("e1-4")
    validator.take(line(5, epoch="e2", durable=False))
    validator.lose({"e2-5"})
    validator.refuse(410, b"")
    assert validator.faults.lost == 1


def test_the_beginning_is_kept() -> None:
    """A later connection does not move it: that would hide a loss."""
    validator = Validator("v")
    validator.begin("e1-4")
    validator.begin("e1-9")
    assert validator.cursor == Cursor("e1", 4)
