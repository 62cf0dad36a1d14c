"""A person's account: her keys and devices, ways back, guardians, helpers; and the staff's keys."""
