"""Passwords of people, kept as what scrypt (RFC 7914) makes of them: `scrypt:N:r:p:SALT:KEY`, in base64."""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

from mailworker.errors import BadInput

#: What OWASP's cheat sheet on storing passwords advises where memory is scarce: 16 MB for each try.
_N, _R, _P = 2**14, 8, 5
_SALT, _KEY = 16, 32
#: What a configuration may ask of this host: 64 MB, and a second or so.
_MOST_MEMORY, _MOST_ROUNDS = 64 * 2**20, 16
_FORM = re.compile(r"scrypt:(\d{1,7}):(\d{1,2}):(\d{1,2}):([\w-]{16,64}):([\w-]{32,128})", re.ASCII)
FAULT = "is no hash of a password: make one with `mailworker operator-password`"
#: Shorter ones are guessed.
SHORTEST = 10


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """One password's hash, with what it was made with."""

    n: int
    r: int
    p: int
    salt: bytes = field(repr=False)
    key: bytes = field(repr=False)

    def matches(self, password: str) -> bool:
        """Whether it was made of this password; takes some tens of milliseconds on purpose."""
        made = _scrypt(password, self.salt, (self.n, self.r, self.p), len(self.key))
        return hmac.compare_digest(made, self.key)

    def __str__(self) -> str:
        salt, key = (base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (self.salt, self.key))
        return f"scrypt:{self.n}:{self.r}:{self.p}:{salt}:{key}"


def hash_password(password: str) -> PasswordHash:
    """A new hash. Raises BadInput for a password that is too short."""
    if len(password) < SHORTEST:
        raise BadInput(f"password: has fewer than {SHORTEST} characters: take a longer one.")
    salt = secrets.token_bytes(_SALT)
    return PasswordHash(_N, _R, _P, salt, _scrypt(password, salt, (_N, _R, _P), _KEY))


def hash_of_nobody() -> PasswordHash:
    """One that no password matches, after the same time."""
    return PasswordHash(_N, _R, _P, secrets.token_bytes(_SALT), secrets.token_bytes(_KEY))


def read_password_hash(text: str) -> PasswordHash:
    """The hash that was written so. Raises ValueError with a sentence where it is none."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(FAULT)
    n, r, p = (int(found[group]) for group in (1, 2, 3))
    try:
        salt, key = (base64.urlsafe_b64decode(found[group] + "==") for group in (4, 5))
    except binascii.Error:
        raise ValueError(FAULT) from None
    fits = 2 <= n < 1 << 16 * r and n & (n - 1) == 0  # RFC 7914, section 2
    if not fits or not 0 < p <= _MOST_ROUNDS or 128 * n * r > _MOST_MEMORY:
        raise ValueError(FAULT)
    return PasswordHash(n, r, p, salt, key)


def _scrypt(password: str, salt: bytes, costs: tuple[int, int, int], length: int) -> bytes:
    n, r, p = costs
    sent = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(sent, salt=salt, n=n, r=r, p=p, maxmem=2 * _MOST_MEMORY, dklen=length)
