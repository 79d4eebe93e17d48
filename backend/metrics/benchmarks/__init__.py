"""Figures that KPIs are held against: of the industry, of peers, of the KPI's own past; and the gap to them."""
