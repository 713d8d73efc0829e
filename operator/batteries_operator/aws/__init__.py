"""Gateways to AWS, one a service; boto3 is imported nowhere else."""
