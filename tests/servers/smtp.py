"""A mail server for the tests, on aiosmtpd: TLS, AUTH, and refusals on demand. It parses every mail that it takes
with Python's own `email`, so that what the tests look at is what somebody else's parser makes of it.

Arguments: a folder, and a JSON object with
  tls      "none", "starttls" or "smtps"
  cert, key  files, for the latter two
  auth     "user:password"
  answers  what becomes of each mail in turn: "ok" (also after the last), "451 …", "550 …", "drop" (taken, and the
           connection cut without a word), "kill" (taken, then the sender, whose number is in the file `pid`, is killed)
Receivers that begin with "gone" are refused for good; those that begin with "busy" the first time.
Prints its port. Ends when its standard input does.
"""

import asyncio
import email
import email.policy
import json
import os
import signal
import ssl
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult

folder, options = Path(sys.argv[1]), json.loads(sys.argv[2])
answers = list(options.get("answers", []))


class Handler:
    def __init__(self):
        self.taken = 0
        self.busy = set()

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address.startswith("gone"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("busy") and address not in self.busy:
            self.busy.add(address)
            return "451 4.7.1 greylisted"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        with open(folder / "asked", "a") as asked:
            asked.write("data\n")
        answer = answers.pop(0) if answers else "ok"
        if answer[0].isdigit():
            return answer
        self.keep(session, envelope)
        if answer == "kill":
            os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
        if answer in ("kill", "drop"):
            server.transport.abort()
        return "250 OK"

    def keep(self, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        name = f"mail-{self.taken}"
        self.taken += 1
        (folder / f"{name}.eml").write_bytes(envelope.content)
        parts = []
        for part in mail.walk():
            if part.is_multipart():
                parts.append({"type": part.get_content_type()})
                continue
            body = f"{name}-{len(parts)}.part"
            (folder / body).write_bytes(part.get_payload(decode=True))
            parts.append({
                "type": part.get_content_type(),
                "charset": part.get_content_charset(),
                "disposition": part.get_content_disposition(),
                "name": part.get_filename(),
                "id": part["Content-ID"],
                "body": body,
                "defects": len(part.defects),
            })
        told = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None or options["tls"] == "smtps",
            "signed_in": session.authenticated,
            "headers": {key: str(value) for key, value in mail.items()},
            "defects": len(mail.defects),
            "parts": parts,
        }
        draft = folder / f"{name}.draft"
        draft.write_text(json.dumps(told))
        draft.rename(folder / f"{name}.json")


def signed_in(server, session, envelope, mechanism, data):
    said = f"{data.login.decode()}:{data.password.decode()}"
    return AuthResult(success=said == options["auth"], handled=False)


async def main():
    tls, handler = None, Handler()
    if options["tls"] != "none":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options["cert"], options["key"])
    starttls = tls if options["tls"] == "starttls" else None
    auth = {}
    if options.get("auth"):
        auth = dict(auth_required=True, authenticator=signed_in, auth_require_tls=starttls is not None)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="mail.test", tls_context=starttls, require_starttls=starttls is not None, loop=loop, **auth),
        host="127.0.0.1",
        port=0,
        ssl=tls if options["tls"] == "smtps" else None,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
