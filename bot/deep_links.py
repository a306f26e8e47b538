"""What links into the chat say: https://t.me/<bot>?start=…, which arrives as `/start …`.

| parameter     | leads to                                                       |
|---------------|----------------------------------------------------------------|
| `stars`       | the packs; copies of an invoice that were passed on lead there |
| `promo_CODE`  | the stars of a promo code                                      |
| `ref_ID`      | the greeting; whoever is new then came by this person's link   |

Any other leads to the greeting.
"""

import re

STARS = "stars"
PROMO = "promo_"
_INVITED = re.compile(r"/start(?:@\w+)? ref_([0-9]{1,18})")


def invitation(user_id: int) -> str:
    """The parameter of the person's own link."""
    return f"ref_{user_id}"


def invited_by(text: str | None) -> int | None:
    """Whose link the message comes by, by their id."""
    found = _INVITED.fullmatch(text or "")
    return int(found[1]) if found else None
