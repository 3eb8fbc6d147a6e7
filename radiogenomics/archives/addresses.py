"""Addresses of files on the web: what of one may be shown, who is asked with which password, and where a server may send us."""

import base64
import ipaddress
import re
import urllib.request
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from radiogenomics._errors import DownloadError, InputError

_HIDDEN = "HIDDEN"
_SECRET_WORDS = {
    "access", "apikey", "auth", "authkey", "authorization", "bearer", "code", "credential", "credentials", "jwt", "key", "login",
    "nonce", "otp", "pass", "passcode", "passphrase", "passwd", "password", "pat", "pin", "pwd", "sas", "secret", "session",
    "sid", "sig", "sign", "signature", "ticket", "token", "user", "username",
}  # fmt: skip
"""Words in the name of a part of a query whose value is a secret."""
_SECRET_PARTS = ("token", "secret", "passw", "apikey", "signature", "credential", "sessid", "sessionid")
"""Parts of such names that are written without a gap."""
_RANDOM = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_\-+/=~]{20,}")
"""A value that looks drawn at random, whatever its name is."""
_ISSUED = re.compile(r"(gh[a-z]_|github_pat_|glpat-|hf_|xox[a-z]-|sk-|AKIA|ASIA|eyJ)[\w.\-]+")
"""A token with the beginning that its issuer gives to all."""
_USER = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*:)?(//)?[^/\\?#@\s]*:[^/\\?#@\s]*@")
"""A user and a password before a server, in a text that is no whole address."""


_TOKEN = re.compile(r"[\x21-\x7e]+")


class RefusedError(DownloadError):
    """What the server answered, and would answer again: to ask once more does not help."""


def public_address(address: str) -> str:
    """Take user name, password and secrets of the query out of an address -> what may stand in a report or a log.

    Parameters
    ----------
    address : str
        Any address; a text that is none comes back as it is.

    Returns
    -------
    str
        The address without user and fragment. In the query, and in parameters of the path (``;name=value``), a value is replaced
        by ``HIDDEN`` where its name holds a word such as token, key, password or signature, or where it looks drawn at random;
        an address there is treated alike. Another secret in the path cannot be told apart.
    """
    try:
        parts = urlsplit(address)
        if not parts.netloc:
            return _USER.sub("", address)
        query = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return re.sub(r"//[^/]*@|[?#].*", lambda found: "//" if found[0].startswith("//") else "", address)
    shown = [_shown(name, value) for name, value in query]
    text = parts.query if shown == query else urlencode(shown)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], _shown_path(parts.path), text, ""))


def _shown_path(path: str) -> str:
    """Hide the secrets among the parameters of a path, such as ``;jsessionid=``."""
    return re.sub(r";([^;/=]+)=([^;/]*)", lambda found: f";{'='.join(_shown(*found.groups()))}", path)


def _shown(name: str, value: str) -> tuple[str, str]:
    """Hide a secret of a query: the value, or what stands there without a name."""
    if not value:
        return (_HIDDEN if _RANDOM.fullmatch(name) else name), ""
    named = {word for word in re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()) if word}
    joined = re.sub(r"[^a-z]", "", name.lower())
    told = named & _SECRET_WORDS or any(part in joined for part in _SECRET_PARTS)
    drawn = _RANDOM.fullmatch(value) or _ISSUED.fullmatch(value)
    return name, _HIDDEN if told or drawn else public_address(value)


def request_of(address: str, *, token: str | None = None) -> urllib.request.Request:
    """Make the request for an address; user and password in it, or a token, go to its own server alone, and not in the address.

    Raises
    ------
    InputError
        If it is none of HTTP, has no server, or would send a password in the clear over the network.
    """
    shown = public_address(address)
    if not address.startswith(("http://", "https://")):
        raise InputError(f"{shown!r} is not an HTTP address; use http:// or https://, or `file` for a local file.")
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise InputError(f"{shown!r} is not a valid address; check its server and port.") from error
    if not host or re.search(r"[\x00-\x20\x7f]", address):
        what = "blanks or control characters" if host else "no server"
        raise InputError(f"{shown!r} is not a valid address, it has {what}; write a blank as %20.")
    user, at, place = parts.netloc.rpartition("@")
    request = urllib.request.Request(urlunsplit((parts.scheme, place, parts.path, parts.query, "")))  # noqa: S310 - checked above
    if at:
        if parts.scheme != "https" and not is_loopback(host):
            raise InputError(f"{shown!r} has a user and password, which http:// would send in the clear; use https://.")
        request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(unquote(user).encode()).decode()}")
    if token is not None:
        if parts.scheme != "https" and not is_loopback(host):
            raise InputError(f"{shown!r} would get the token in the clear over http://; use https://.")
        if not _TOKEN.fullmatch(token):
            raise InputError(
                f"The token for {shown!r} has blanks or signs that no token has; set it again, without quotes or lines."
            )
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    return request


def is_loopback(host: str) -> bool:
    """Tell whether a server's name is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follow a server to https, or on this machine; to no other place and in no other protocol."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """Refuse what leads elsewhere.

        Raises
        ------
        RefusedError
            With the address that the server names.
        """
        try:
            target = urlsplit(newurl)
            host = target.hostname or ""
        except ValueError as error:
            raise RefusedError(f"its server redirects to {public_address(newurl)}, which is not a valid address") from error
        own = is_loopback(urlsplit(req.full_url).hostname or "")
        if not (target.scheme == "https" or (target.scheme == "http" and own and is_loopback(host))):
            raise RefusedError(f"its server redirects to {public_address(newurl)}, which is not https, and is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        """Refuse other protocols before the library does, with the address in the message."""
        place = headers.get("location") or headers.get("uri") or ""
        scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*(?=:)", place)
        if scheme and scheme[0].lower() not in ("http", "https"):
            raise RefusedError(f"its server redirects to {public_address(place)}, which is not https, and is not followed")
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302
