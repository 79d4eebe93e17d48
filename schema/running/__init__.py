"""Runs valid operations: documents kept ready, plans for what needs no resolver, graphql-core for the rest."""
