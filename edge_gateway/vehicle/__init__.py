"""The van itself: what its bus says and answers, or what a shunt on its battery measures."""
