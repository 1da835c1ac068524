"""What was asked for: residents, suppliers and vans, orders, their goods, and the stops that bundle them."""
