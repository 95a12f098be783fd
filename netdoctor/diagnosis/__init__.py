"""Ask (rounds, one bounded pool, each question once), then judge (verdict, suppression, report)."""
