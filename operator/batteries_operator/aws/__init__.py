"""The only place that knows boto3: gateways that speak our words, and one table of what AWS's errors mean."""
