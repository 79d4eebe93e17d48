"""Packs: what is worked out beforehand of each local day, and how answers are made of it."""
