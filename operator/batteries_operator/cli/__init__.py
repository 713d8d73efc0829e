"""The command `batteries-operator`: its subcommands and how the process starts and ends."""
