"""From the record to a plan in every van: how the day stands, the router in its own process, plans, downlink."""
