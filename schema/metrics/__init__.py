"""KPIs: their definitions and their values."""
