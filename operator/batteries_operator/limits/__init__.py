"""AWS's limits on what is under way at one time: slots, queues and polling."""
