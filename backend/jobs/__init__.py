"""Work for later: kinds of jobs, hints that a tenant has some, and the worker that does it."""
