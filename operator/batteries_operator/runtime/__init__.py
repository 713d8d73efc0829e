"""What every room may use: settings, metrics, logs, names, the Lease, health, small queues."""
