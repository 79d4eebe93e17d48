"""Who is asking: tokens, memberships, and the scope in which everything else is done. No HTTP here."""
