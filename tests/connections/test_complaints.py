"""Warnings that would come at every ring."""

from __future__ import annotations

from structlog.testing import capture_logs

from eventd.connections.complaints import Complaints


def levels(*complaints: tuple[str, str]) -> list[str]:
    """Complain, and return how loud each was."""
    of_session = Complaints("esx01")
    with capture_logs() as logs:
        for event, error in complaints:
            of_session.refused(event, error)
    return [log["log_level"] for log in logs]


def test_the_same_is_a_warning_once() -> None:
    """Another event, and another reason, are news."""
    assert levels(("a", "no"), ("a", "no"), ("b", "no"), ("a", "why"), ("a", "no")) == [
        "warning",
        "debug",
        "warning",
        "warning",
        "debug",
    ]


def test_a_host_does_not_fill_the_log_with_ever_new_reasons() -> None:
    """Nor the memory."""
    assert levels(*(("a", str(number)) for number in range(300))).count("warning") == 100


def test_a_complaint_names_its_connection() -> None:
    """And what else is known."""
    with capture_logs() as logs:
        Complaints("esx01").complain("odd", "Thing", type="Thing", key=3)

    assert logs == [
        {"event": "odd", "log_level": "warning", "connection": "esx01", "type": "Thing", "key": 3}
    ]
