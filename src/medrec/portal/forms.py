"""What browsers send: small bodies, and the fields of a form."""

from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from medrec.portal.page import PageError

FORM_BYTES_MAX = 16384


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a small form. Raises PageError."""
    body = await read_body(request)
    if isinstance(body, PageError):
        raise body
    return fields_of(body)


async def read_body(request: Request) -> bytes | PageError:
    """The body of a request, or why there is none that counts."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > FORM_BYTES_MAX:
                return PageError(413, "form-too-large")
    except ClientDisconnect:
        return PageError(400, "page-failed")
    return body


def fields_of(body: bytes) -> dict[str, str]:
    """The fields in a form's bytes, with one sign for the end of a line: browsers send two, and count one. Raises
    PageError."""
    try:
        fields = parse_qsl(body.decode("utf-8", "replace"), max_num_fields=100)
        return {name: value.replace("\r\n", "\n") for name, value in fields}
    except ValueError:
        raise PageError(413, "form-too-large") from None
