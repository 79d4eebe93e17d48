"""The GraphQL surface. Mirrors backend/ folder for folder; resolvers unpack, call and wrap, no more."""
