"""The offline twin of fal.ai: its storage, queue, webhooks and the models Selfi uses, on one loopback port.

Point the settings at it: `FAL_QUEUE_URL=http://127.0.0.1:P/queue`, `FAL_REST_URL=…/rest`,
`FAL_CDN_URL=…/cdn`, `FAL_API_URL=…/api/v1`.
"""

from sandbox.fal.app import FalEmulator

__all__ = ["FalEmulator"]
