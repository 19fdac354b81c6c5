"""PIX BR Code, the text of its QR codes ("Pix copia e cola").

Source: BACEN, "Manual do BR Code" v2.0 and "Manual de Padrões para Iniciação do Pix" (EMV® MPM: tag, length, value;
tag 63 is CRC-16/CCITT-FALSE over everything before its value).
"""

import msgspec

_MAX_LENGTH = 1024


class BrCode(msgspec.Struct, frozen=True):
    """What a code says. `key` for static codes, `url` for dynamic ones."""

    text: str
    key: str
    url: str
    amount: float | None
    merchant: str
    city: str
    txid: str


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: polynomial 0x1021, initial 0xFFFF, not reflected."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def parse_brcode(text: str) -> BrCode | None:
    """The code in `text`; None unless its form and CRC hold and it belongs to the Pix arrangement."""
    code = text.strip()
    if not code.startswith("000201") or not 40 <= len(code) <= _MAX_LENGTH or code[-8:-4] != "6304":
        return None
    if f"{crc16(code[:-4].encode()):04X}" != code[-4:].upper():
        return None
    fields = _fields(code)
    if fields is None or fields.get("58") != "BR":
        return None
    account = _pix_account(fields)
    if account is None:
        return None
    extra = _fields(fields.get("62", "")) or {}
    return BrCode(
        text=code,
        key=account.get("01", ""),
        url=account.get("25", ""),
        amount=_amount(fields.get("54", "")),
        merchant=fields.get("59", ""),
        city=fields.get("60", ""),
        txid=extra.get("05", "").strip("*"),
    )


def _fields(text: str) -> dict[str, str] | None:
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        tag, length = text[at : at + 2], text[at + 2 : at + 4]
        if len(length) != 2 or not (tag + length).isascii() or not (tag + length).isdigit():
            return None
        value = text[at + 4 : at + 4 + int(length)]
        if len(value) != int(length):
            return None
        found[tag] = value
        at += 4 + int(length)
    return found


def _pix_account(fields: dict[str, str]) -> dict[str, str] | None:
    for tag in range(26, 52):
        account = _fields(fields.get(str(tag), "")) or {}
        if account.get("00", "").lower() == "br.gov.bcb.pix":
            return account
    return None


def _amount(text: str) -> float | None:
    whole, _, cents = text.partition(".")
    if not whole.isascii() or not whole.isdigit() or (cents and not cents.isdigit()):
        return None
    return float(text)
