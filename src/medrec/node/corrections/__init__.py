""" "This is wrong": asked, answered, proven, forgotten."""
