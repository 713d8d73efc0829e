"""What a Customer's state means for its accounts: holds, payment notices, confirmations."""
