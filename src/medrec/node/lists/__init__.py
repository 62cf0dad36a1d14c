"""The lists of a person at a node, and what people say on them."""
