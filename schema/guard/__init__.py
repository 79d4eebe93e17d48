"""What every document passes before it may cost anything: limits on its shape, its text and its price."""
