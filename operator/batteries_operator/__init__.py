"""The operator: walks each AwsAccount through its provisioning steps against AWS and writes the status."""
