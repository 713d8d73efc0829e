"""The API's own description, generated from the routes: the OpenAPI document, llms.txt for agents, /docs for people."""
