"""/v1/accounts: AWS accounts as their owner sees them."""
