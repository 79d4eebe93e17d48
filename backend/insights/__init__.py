"""What follows from the numbers: what staff costs and what it has to bring in."""
