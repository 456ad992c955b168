"""The durable order of events, the last known picture of every domain, and cursors."""
