"""The tables and figures of papers, and what rules in words do, in numbers."""
