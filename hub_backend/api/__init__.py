"""The hub's HTTP API: one module for each thing, each with a `router` that `app.build` includes under /api."""
