"""How many pixels per inch one scanner has: from pictures of a target to the entry that a booth reads."""
