"""The way to the VI hosts: transport, credentials, sessions, and one watcher per connection."""
