"""An embedded VI host that real clients accept; it drives the demonstration and the tests."""
