"""What gateway and hub share: topics, messages, sealing and the clock. The hub imports nothing else from here."""
