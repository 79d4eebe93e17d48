"""A bound formula to mergeable parts, to one SELECT per group, to shaped answers."""
