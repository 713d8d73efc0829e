"""What holds for every request before a handler sees it: from where it comes, how many there may be, what headers."""
