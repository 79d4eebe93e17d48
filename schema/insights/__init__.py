"""What follows from the numbers, over GraphQL."""
