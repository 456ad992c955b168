"""libvirt's remote protocol: unmodified libvirt clients see the domains and get their events."""
