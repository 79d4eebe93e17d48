"""HTTP that is not GraphQL: who is asking, uploads, health, and the envelope around every answer."""
