"""Generated data to look at on the first day: two invented companies, drawn from a seed. No real people."""
