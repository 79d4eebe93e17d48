"""A board asked over HTTP, beside the same twelve questions answered in plain and in ideal ways on the same rows."""
