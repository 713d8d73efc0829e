"""HTTP for every resource: routes, bodies, queries, responses, errors and headers."""
