"""What data says by itself: pure functions over records and looks, for people to judge."""
