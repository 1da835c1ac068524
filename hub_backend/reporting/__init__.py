"""Figures out of the record: contact, kilometres, movements, CO2e with its method."""
