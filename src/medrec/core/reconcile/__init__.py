"""One list from many sources: medicines, problems and allergies, each row with every record version behind it."""
