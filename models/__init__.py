"""What Selfi knows, in Postgres, and the rules for changing it.

Importing this package brings in every table, which is how Tortoise finds them.
"""

from models.ledger import LedgerEntry, LedgerKind
from models.lora import BaseModel, LoraModel, LoraStatus, SelectedModel
from models.notification import Notification, NotificationKind, NotificationStatus
from models.photo import Photo, Upload
from models.seen_update import SeenUpdate
from models.send_slot import SendSlot
from models.training import Training, TrainStatus
from models.user import Person, User

__all__ = [
    "BaseModel",
    "LedgerEntry",
    "LedgerKind",
    "LoraModel",
    "LoraStatus",
    "Notification",
    "NotificationKind",
    "NotificationStatus",
    "Person",
    "Photo",
    "SeenUpdate",
    "SelectedModel",
    "SendSlot",
    "TrainStatus",
    "Training",
    "Upload",
    "User",
]
