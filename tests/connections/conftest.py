"""What several of these tests need."""

from __future__ import annotations

import pytest

from tests.connections.certificates import Certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The certificates of hosts on 127.0.0.1, and of the authority behind some of them."""
    return Certificates(tmp_path_factory.mktemp("certificates"))
