"""One module or package per product: each implements a port of `muster.ports`."""
