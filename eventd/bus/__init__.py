"""Who gets an event: the callback registry, and the event loop's side of delivering."""
