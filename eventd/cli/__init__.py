"""The ``eventd`` command: parses arguments, calls, prints."""

from eventd.cli.app import main

__all__ = ["main"]
