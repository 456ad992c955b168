"""``python -m eventd`` is the ``eventd`` command."""

from eventd.cli import main

if __name__ == "__main__":
    main()
