"""Working hours over GraphQL: schedules, their versions, whose they are."""
