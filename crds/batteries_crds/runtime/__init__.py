"""What both programs need at their start: environment, settings, logs, and listening sockets."""
