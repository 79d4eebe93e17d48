"""The product: facts, KPIs and what is done with them. It knows nothing of GraphQL."""
