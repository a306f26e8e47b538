"""What links into the chat say: https://t.me/<bot>?start=…, which arrives as `/start …`.

| parameter     | leads to                                                       |
|---------------|----------------------------------------------------------------|
| `stars`       | the packs; copies of an invoice that were passed on lead there |
| `terms`       | the terms                                                      |
| `promo_CODE`  | the stars of a promo code                                      |
| `ref_ID`      | the greeting; see `models/referral.py`                         |

Any other leads to the greeting.
"""

STARS = "stars"
TERMS = "terms"
PROMO = "promo_"
