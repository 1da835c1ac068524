"""What a barcode says: whose it is, whether it was read right, and what of it may be kept. Pure rules, no I/O."""
