"""Faults that overlap, against the real processes: `make chaos`, and a short form in the tests.

    python -m tests.chaos --seed 1 --kills 100 --database sqlite --report build/chaos.json

`world` starts a broker, the hub, and two vans with their nodes, every line between them through a relay; `load` taps
and scans without a pause and keeps what was acknowledged; `faults` breaks things; `campaign` overlaps them by a seed,
`verdict` compares at the end. `power` cuts the power; `mutants` are builds with one promise broken, which `scenarios`
must catch.
"""
