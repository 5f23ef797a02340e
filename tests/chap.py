#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A challenge for one initiator is shown to the target by another: `chap.py TARGET INITIATOR OTHER SECRET [OURS]`.

SECRET is that of OTHER, which logs in with it and wants the target to answer the challenge that it has for
INITIATOR. The answer has to be that by OURS, the target's secret; without OURS the login has to be refused.
"""

import hashlib
import sys

from raw_session import Login
from steps import expect

TARGET, INITIATOR, OTHER, SECRET, *OURS = sys.argv[1:]
SUCCESS, AUTHENTICATION = 0x0000, 0x0201
TO_OPERATIONAL = 0x81


def challenge(name):
    """A login up to the target's challenge: the login, and CHAP_I and CHAP_C."""
    login = Login(TARGET, name=name)
    expect((SUCCESS, "CHAP"), pick(login.step(AuthMethod="CHAP"), "AuthMethod"), "answer to the offer of CHAP")
    status, keys = login.step(CHAP_A="5")
    expect((SUCCESS, "5"), (status, keys.get("CHAP_A")), "answer to the offer of MD5")
    return login, keys["CHAP_I"], keys["CHAP_C"]


def pick(answer, key):
    return answer[0], answer[1].get(key)


def response(secret, number, text):
    content = bytes([int(number)]) + secret.encode() + bytes.fromhex(text.removeprefix("0x"))
    return "0x" + hashlib.md5(content, usedforsecurity=False).hexdigest()


victim, number, question = challenge(INITIATOR)
login, own_number, own_question = challenge(OTHER)
status, said = login.step(TO_OPERATIONAL, CHAP_N=OTHER, CHAP_R=response(SECRET, own_number, own_question),
                          CHAP_I=number, CHAP_C=question)
if OURS:
    expect(SUCCESS, status, "status of a login both ways")
    expect(response(OURS[0], number, question), said.get("CHAP_R", "").lower(), "the target's proof")
else:
    expect(f"{AUTHENTICATION:04x}", f"{status:04x}", "status where the target has the secret of another initiator")
    expect(None, said.get("CHAP_R"), "the target's proof")
victim.close()
login.close()
