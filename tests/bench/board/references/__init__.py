"""The board answered without Scoredesk: on plain rows, on rollups made for this very board, by a column store."""
