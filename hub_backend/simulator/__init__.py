"""The one simulator: a seed, a virtual clock, and hands that reach only for what a person or the world can reach.

It writes bytes on serial lines, NMEA into gpsd, frames on the van's bus, taps on the gateway's page and orders on the
hub's API; what came of it, it reads from the hub's API alone.
"""
