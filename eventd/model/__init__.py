"""The values that everything speaks of: domains, evidence, events, records. No I/O, no clock."""
