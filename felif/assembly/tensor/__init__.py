"""Lines: for every cell of the w-axis the one-dimensional problem over v, coupled by transport in w."""
