"""The pages that people read: rendered on the server, plain HTML and one style sheet, no script."""
