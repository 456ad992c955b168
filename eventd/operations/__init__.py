"""What may be done to a domain, when, and what becomes of it: the rules, without any I/O."""
