#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Prints a page of metrics: `scrape.py URL`.  Fails when a line has not Prometheus' text format."""

import re
import sys
import urllib.request

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"{NAME}(?:\{{{LABEL}(?:,{LABEL})*\}})? (?:[0-9.e+-]+|[+-]Inf|NaN)")
COMMENT = re.compile(rf"# (?:HELP {NAME} .*|TYPE {NAME} (?:counter|gauge|histogram))")

with urllib.request.urlopen(sys.argv[1], timeout=10) as answer:
    text = answer.read().decode()
for line in text.splitlines():
    if not (SAMPLE.fullmatch(line) or COMMENT.fullmatch(line)):
        sys.exit(f"FAIL: no line of Prometheus' text format: {line}")
print(text, end="")
