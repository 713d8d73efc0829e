"""Gateways to AWS, one for each service; boto3 is imported nowhere else."""
