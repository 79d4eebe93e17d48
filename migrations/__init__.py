"""Two histories, `control/` and `tenant/`, and the runner that takes a server through them."""
