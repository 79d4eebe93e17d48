"""The ground every other package stands on: settings, errors, clock, windows. No business nouns here."""
