"""The program in every van and hub: sensors and scans into the outbox, the outbox to the hub."""
