"""From update sets to events: what happened to each domain, and why. No I/O, no clock."""
