"""Who is asking, and of which tenant."""
