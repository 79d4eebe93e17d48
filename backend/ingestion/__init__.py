"""From a file or a request to facts: readers -> mapping -> normalize -> staging -> apply."""
