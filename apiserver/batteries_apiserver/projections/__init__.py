"""What clients see: accounts, for customers and for administrators, and provisioning events."""
