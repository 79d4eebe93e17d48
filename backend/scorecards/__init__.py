"""Weighted scores of agents, teams and queues. So far their arithmetic: see `README.md`."""
