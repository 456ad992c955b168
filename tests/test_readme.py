"""The README's examples are what the program takes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from eventd import config
from eventd.client import Client

README = Path(__file__).parent.parent / "README.md"
TEXT = README.read_text("utf-8")


def blocks(language: str) -> list[str]:
    """Return the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


CONFIGURATIONS = [
    *blocks("toml"),
    *re.findall(r"eventd\.toml <<'END'\n(.*?)^END$", TEXT, re.DOTALL | re.MULTILINE),
]


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_each_configuration_is_good(text: str) -> None:
    """Placeholders aside, such as the thumbprint that everybody has to fill in."""
    text = re.sub(r'^thumbprint = ".*$', "", text, flags=re.MULTILINE)

    assert config.parse(text, source="README.md").connections


CLIENT_EXAMPLES = [text for text in blocks("python") if "import libvirt\n" not in text]


@pytest.mark.parametrize("text", CLIENT_EXAMPLES)
def test_each_python_example_calls_what_the_client_has(text: str) -> None:
    """Names of methods and of their arguments."""
    tree = ast.parse(text, mode="exec")
    calls = [
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "client"
    ]

    assert calls
    assert all(hasattr(Client, name) for name in calls)


def test_there_are_examples() -> None:
    """The patterns above find something."""
    assert len(CONFIGURATIONS) == 2
    assert len(CLIENT_EXAMPLES) == 4
