"""The floor of policy: what no account may do, however much its administrators allow. Pure.

`rules` are statements of service control policies, each with a sentence; `policies` puts them into policies that AWS
takes. What an SCP can't stop is in docs/guardrails.md.
"""
