"""What the API says of itself: the OpenAPI document, llms.txt for agents, and /docs for people; all from the routes."""
