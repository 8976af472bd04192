"""One set of operations and the faces that offer them."""
