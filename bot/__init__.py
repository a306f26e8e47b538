"""Selfi in Telegram's chat: who writes, what they want, and what they are answered."""
