"""The real engines, as test support: what they say is right and we are measured against it."""
