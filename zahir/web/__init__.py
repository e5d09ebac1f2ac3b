"""The web app: pages, their API, and the worker that makes pictures. Knows how to serve, not what a taste is."""
