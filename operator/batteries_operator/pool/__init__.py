"""AWS accounts that are made before anybody asks: the members of pools, and how a pool is filled."""
