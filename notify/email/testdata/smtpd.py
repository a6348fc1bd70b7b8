"""A mail server for tests: aiosmtpd with a mailbox, TLS and a login.

smtpd.py PORT MAILDIR plain|starttls|smtps CERT KEY USER PASSWORD
"""
import asyncio
import ssl
import sys

from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP, AuthResult

port, maildir, mode, cert, key, user, password = sys.argv[1:]


class Handler(Mailbox):
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("full@"):
            return "452 4.2.2 mailbox full"
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"


def login(server, session, envelope, mechanism, data):
    good = data.login == user.encode() and data.password == password.encode()
    return AuthResult(success=good, handled=False)


async def main():
    context = None
    if mode != "plain":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)

    def server():
        options = {"authenticator": login, "auth_required": bool(user), "auth_require_tls": mode == "starttls"}
        if mode == "starttls":
            options |= {"tls_context": context, "require_starttls": True}
        return SMTP(Handler(maildir), hostname="mail.test", **options)

    loop = asyncio.get_running_loop()
    s = await loop.create_server(server, "127.0.0.1", int(port), ssl=context if mode == "smtps" else None)
    await s.serve_forever()


asyncio.run(main())
