"""What clients see of an object: accounts for customers and administrators, and provisioning events."""
