"""Working hours: versioned schedules, whose they are, and the business clock that follows them."""
