"""`felif explore`: a page with a slider for every number of a model, and what follows from them."""
