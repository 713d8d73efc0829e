"""Faults that a test sets while the stand-in runs: what can happen to a call besides AWS's rules.

They run in the event loop, in front of the worker thread: a call that hangs delays no other.
"""
