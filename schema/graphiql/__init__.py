"""The GraphiQL page, offline: React 18.3.1 and GraphiQL 2.4.7 as published, each with its licence."""
