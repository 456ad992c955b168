"""What all tests of commands need."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def logging_restored() -> Iterator[None]:
    """Commands configure the logging of their process, which here is that of the tests."""
    root = logging.getLogger()
    level, targets = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = targets
    structlog.reset_defaults()
