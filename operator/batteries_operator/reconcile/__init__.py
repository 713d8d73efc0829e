"""Reconciles one account: runs the pipeline's steps and applies their outcomes."""
