"""A person's own pages, one file for each; every one of them is about the person in its address, and shows it to her
and to whoever acts for her."""
