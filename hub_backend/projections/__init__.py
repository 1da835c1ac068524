"""What is computed from events: each follower reads them in order and commits its cursor with what it wrote."""
