"""From MQTT into the record: opened, checked, stored exactly once, and answered with what is committed."""
