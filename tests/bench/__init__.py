"""What the edge costs and how fast it is, measured on the real processes: `make bench-edge`."""
