"""Networks of containers: the default bridge, its addresses, published ports."""
