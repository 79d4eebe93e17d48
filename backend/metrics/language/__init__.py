"""Formula text to a bound, typed tree. Imports the standard library only."""
