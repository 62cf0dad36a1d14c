"""Plain HTTP to addresses that belong to no member: witnesses."""

import ssl

from medrec.node.peers.exchange import Answer, Exchange, ExchangeError
from medrec.node.peers.peers import CALL_S, CONNECT_S, is_private_way
from medrec.node.witness.witnesses import ANSWER_BYTES_MAX, WebError


class HttpWeb:
    """Posts and gets; an answer takes at most `call_s` seconds. Plain http goes to this machine only, unless
    `plain_http`: nothing secret is sent, but who changes an answer on the way could hold up cosignatures.
    """

    def __init__(self, *, call_s: float = CALL_S, plain_http: bool = False, tls: ssl.SSLContext | None = None) -> None:
        self._call_s = call_s
        self._plain_http = plain_http
        self._exchange = Exchange(connect_s=CONNECT_S, tls=tls)

    def post(self, url: str, body: bytes) -> tuple[int, bytes]:
        """See Web.post."""
        headers = {"content-type": "text/plain", "accept-encoding": "identity"}
        self._check(url)
        try:
            answer = self._exchange.post(url, headers, body, seconds=self._call_s, bytes_max=ANSWER_BYTES_MAX)
        except ExchangeError as error:
            raise _unanswered(url, error) from None
        return _plain(answer)

    def get(self, url: str) -> tuple[int, bytes]:
        """See Web.get."""
        self._check(url)
        try:
            return _plain(self._exchange.get(url, seconds=self._call_s, bytes_max=ANSWER_BYTES_MAX))
        except ExchangeError as error:
            raise _unanswered(url, error) from None

    def _check(self, url: str) -> None:
        if not self._plain_http and not is_private_way(url):
            raise WebError(f"{url} is not https; it is not called.")

    def close(self) -> None:
        """Cut what is under way."""
        self._exchange.close()


def _plain(answer: Answer) -> tuple[int, bytes]:
    return answer.status, answer.body


def _unanswered(url: str, error: ExchangeError) -> WebError:
    return WebError(f"{url} did not answer ({error.code}).")
