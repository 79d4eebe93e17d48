"""What an interaction's events tell, row by row: its turns, its cycles, and who took part."""
