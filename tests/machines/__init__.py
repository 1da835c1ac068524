"""Whole Debian machines, booted beside this one: the installers where they belong."""
