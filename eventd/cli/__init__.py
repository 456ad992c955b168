"""The ``eventd`` command: parses arguments, calls, prints."""
