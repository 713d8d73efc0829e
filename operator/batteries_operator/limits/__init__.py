"""AWS's concurrency limits: slots, queues and polling."""
