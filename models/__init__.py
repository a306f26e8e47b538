"""What Selfi knows, in Postgres, and the rules for changing it.

Importing this package brings in every table, which is how Tortoise finds them.
"""

from models.books import Bookmark, DailyClose
from models.dialogue import Dialogue
from models.generation import Generation, GenStatus
from models.ledger import LedgerEntry, LedgerKind
from models.lora import BaseModel, LoraModel, LoraStatus, SelectedModel
from models.moderation import RefusedWord, Report
from models.notification import Notification, NotificationKind, NotificationStatus
from models.params import SavedParams
from models.payment import Payment
from models.photo import Photo, Upload
from models.picture import Picture
from models.promo import PromoCode
from models.seen_update import SeenUpdate
from models.send_slot import SendSlot
from models.support import SupportRequest
from models.switch import Switch
from models.training import Training, TrainStatus
from models.user import Person, User

__all__ = [
    "BaseModel",
    "Bookmark",
    "DailyClose",
    "Dialogue",
    "GenStatus",
    "Generation",
    "LedgerEntry",
    "LedgerKind",
    "LoraModel",
    "LoraStatus",
    "Notification",
    "NotificationKind",
    "NotificationStatus",
    "Payment",
    "Person",
    "Photo",
    "Picture",
    "PromoCode",
    "RefusedWord",
    "Report",
    "SavedParams",
    "SeenUpdate",
    "SelectedModel",
    "SendSlot",
    "SupportRequest",
    "Switch",
    "TrainStatus",
    "Training",
    "Upload",
    "User",
]
