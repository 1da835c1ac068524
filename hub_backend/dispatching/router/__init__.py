"""The router in a process of its own: what it is asked and answers, the hub's side, and the process itself."""
