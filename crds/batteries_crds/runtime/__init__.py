"""What a process of ours needs at its start: its environment, its logs, and where it listens."""
