"""How a day stands: the record, read and turned into what the router is asked."""
