# SPDX-License-Identifier: GPL-2.0-only
"""Answers json.bash: a file, 0, an expression about its document d, 0; until the end."""
import json
import sys
import traceback


def words():
    rest = b""
    while chunk := sys.stdin.buffer.raw.read(65536):
        *whole, rest = (rest + chunk).split(b"\0")
        yield from (word.decode() for word in whole)


asked = words()
for path, expression in zip(asked, asked):
    try:
        with open(path, encoding="utf-8") as f:
            text = f.read()
        try:
            d = json.loads(text)
        except json.JSONDecodeError:
            d = [json.loads(line) for line in text.splitlines()]
        v = eval(f"({expression})", {"d": d})
        answer = str(v).lower() if isinstance(v, bool) else str(v)
    except Exception:
        answer = traceback.format_exc(limit=0).strip() + " in " + path
    sys.stdout.buffer.write(answer.encode() + b"\0")
    sys.stdout.buffer.flush()
