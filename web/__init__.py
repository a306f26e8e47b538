"""Selfi over HTTP: the Mini App's API, the webhooks of Telegram and fal, health, and the Mini App itself."""
