"""Readers: a file of any format becomes batches of rows by column. Kept empty: a child process imports it."""
