"""Which tenant, which namespace and role, provisioning, and the only door to a session."""
