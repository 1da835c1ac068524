"""What runs on a sensor node (MicroPython); the leaf modules also run on the host."""
