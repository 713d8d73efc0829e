"""Every life that the matrix has."""

from crash.lives import LIVES as OF_ACCOUNTS
from crash.member_lives import MEMBER_LIVES
from crash.pool_lives import POOL_LIVES

LIVES = (*OF_ACCOUNTS, *POOL_LIVES, *MEMBER_LIVES)
