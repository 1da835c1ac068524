"""One simulated day: it drives real inputs (bytes, NMEA, CAN frames, scans, taps), never a way past them."""
