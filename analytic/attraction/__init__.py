"""Which start ends where: motion on the exact loss, its ends, and the boundaries between basins."""
