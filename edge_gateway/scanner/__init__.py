"""Hand scanners on the gateway itself: as a serial port, or as a keyboard that only we may hear."""
