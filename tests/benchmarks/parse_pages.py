"""What reading a page of the property collector costs: eventd, the bare lxml tree, pyVmomi.

Run by hand: ``python tests/benchmarks/parse_pages.py [ROUNDS]``. The readers take turns on the same
bytes, so that the ratios hold on a busy machine; the times are of this process's CPU.
Targets: at most 2.5 times the bare tree, at least 8 times less than pyVmomi.
"""

from __future__ import annotations

import gc
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from lxml import etree
from pyVmomi import vmodl
from pyVmomi.SoapAdapter import SoapResponseDeserializer, SoapStubAdapter

from eventd.vi.calls import wait_for_updates_ex
from eventd.vi.types import ManagedObjectReference

RECORDED = Path(__file__).parent.parent / "vi" / "recorded"
TREE, EVENTD, PYVMOMI = "lxml tree", "eventd", "pyVmomi"


def page(name: str, *, objects: int) -> bytes:
    """Return a recorded answer whose first object update is there so many times."""
    answer = (RECORDED / name).read_text()
    first = re.search(r"<objectSet>.*?</objectSet>", answer, re.DOTALL)
    assert first is not None, f"{name} has no object update"
    begin, end = first.start(), answer.rindex("</objectSet>") + len("</objectSet>")
    body = "".join(_numbered(first.group(), number) for number in range(objects))
    return (answer[:begin] + body + answer[end:]).encode()


def _numbered(update: str, number: int) -> str:
    """Give an object update a reference and a UUID of its own, as pages of real objects have."""
    update = re.sub(r">vm-\d+<", f">vm-{number + 1000}<", update)
    return re.sub(r"[0-9a-f]{12}<", f"{number:012x}<", update)


def _eventd() -> Callable[[bytes], object]:
    collector = ManagedObjectReference("PropertyCollector", "propertyCollector")
    call = wait_for_updates_ex(collector, version="", max_wait_seconds=1, max_object_updates=100)
    return call.parse


def _pyvmomi() -> Callable[[bytes], object]:
    stub = SoapStubAdapter(host="localhost")  # type: ignore[no-untyped-call]
    update_set = vmodl.query.PropertyCollector.UpdateSet

    def deserialize(answer: bytes) -> object:
        deserializer = SoapResponseDeserializer(stub)  # type: ignore[no-untyped-call]
        return deserializer.Deserialize(answer, update_set)  # type: ignore[no-untyped-call]

    return deserialize


def measure(answer: bytes, *, rounds: int, repeats: int) -> dict[str, float]:
    """Return the median CPU time of one reading, in microseconds, by reader."""
    parser = etree.XMLParser(huge_tree=False, resolve_entities=False, collect_ids=False)
    readers: dict[str, Callable[[bytes], object]] = {
        TREE: lambda document: etree.fromstring(document, parser),
        EVENTD: _eventd(),
        PYVMOMI: _pyvmomi(),
    }
    times: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(rounds):
        for name, read in readers.items():
            gc.collect()
            begin = time.process_time()
            for _ in range(repeats):
                read(answer)
            times[name].append((time.process_time() - begin) / repeats * 1e6)
    return {name: median(spent) for name, spent in times.items()}


def main() -> None:
    """Print one line a kind of page."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    pages = {
        "first page: 100 domains, 10 properties": (page("first-page.xml", objects=100), 10),
        "burst: 100 domains, 1 property": (page("power-change.xml", objects=100), 40),
        "one change": (page("power-change.xml", objects=1), 500),
    }
    for title, (answer, repeats) in pages.items():
        spent = measure(answer, rounds=rounds, repeats=repeats)
        figures = ", ".join(f"{name} {time:.1f} us" for name, time in spent.items())
        print(f"{title} ({len(answer) / 1000:.1f} kB): {figures}")
        print(
            f"  eventd is {spent[EVENTD] / spent[TREE]:.2f} times the tree;"
            f" pyVmomi is {spent[PYVMOMI] / spent[EVENTD]:.1f} times eventd"
        )


if __name__ == "__main__":
    main()
