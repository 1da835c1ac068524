"""A pure routing library: a problem in, a plan out; no network, no database, no clock of its own."""
