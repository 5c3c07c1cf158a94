"""Where scores and alerts are published: memory or Redis."""
