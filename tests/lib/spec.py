#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Whether the netlink specification says what the uapi header says.

	spec.py snapset.yaml snapset.h

Compares names, values and order of commands, attributes, enums and result
codes, the types of attributes, and which attributes each command takes. Needs
nothing but Python: the little of YAML that the specification uses is read here
(and, where PyYAML is there, the reading is compared with its own).
"""
import re
import sys


def scalar(text):
    if text == "":
        return None
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if re.fullmatch(r"0x[0-9A-Fa-f]+", text):
        return int(text, 16)
    if text in ("true", "false"):
        return text == "true"
    return text


class Reader:
    """Maps and lists by indentation, plain scalars, ">-" blocks."""

    def __init__(self, text):
        self.lines = []
        for line in text.split("\n"):
            if line.strip() and not line.lstrip().startswith("#"):
                self.lines.append((len(line) - len(line.lstrip()), line.strip()))
        self.at = 0

    def deeper(self, indent):
        return self.at < len(self.lines) and self.lines[self.at][0] > indent

    def node(self):
        indent, text = self.lines[self.at]
        if text == "-" or text.startswith("- "):
            return self.list(indent)
        return self.map(indent)

    def list(self, indent):
        out = []
        while self.at < len(self.lines) and self.lines[self.at][0] == indent:
            text = self.lines[self.at][1]
            self.at += 1
            out.append(self.node() if text == "-" else scalar(text[2:]))
        return out

    def map(self, indent):
        out = {}
        while self.at < len(self.lines) and self.lines[self.at][0] == indent:
            key, _, value = self.lines[self.at][1].partition(":")
            value = value.strip()
            self.at += 1
            if value == ">-":
                words = []
                while self.deeper(indent):
                    words.append(self.lines[self.at][1])
                    self.at += 1
                out[key] = " ".join(words)
            elif value == "" and self.deeper(indent):
                out[key] = self.node()
            else:
                out[key] = scalar(value)
        return out


class Header:
    def __init__(self, text):
        self.text = text
        self.defines = {name: int(value, 0) for name, value in
                        re.findall(r"#define (SNAPSET_\w+)\s+(0x[0-9A-F]+|\d+)\b", text)}

    def enum(self, name):
        """[(NAME, value, comment before or behind it)], without the __MAX"""
        body = re.search(r"enum %s \{(.*?)\n\};" % name, self.text, re.S).group(1)
        out, value, before = [], 0, ""
        pattern = r"/\*(.*?)\*/|\b(_*SNAPSET_\w+)\s*(?:=\s*(0x[0-9a-fA-F]+))?\s*,(?:[ \t]*/\*(.*?)\*/)?"
        for m in re.finditer(pattern, body, re.S):
            if m.group(2) is None:
                before = m.group(1)
                continue
            if m.group(3):
                value = int(m.group(3), 0)
            if not m.group(2).startswith("__"):
                out.append((m.group(2), value, m.group(4) or before))
            value += 1
            before = ""
        return out


errors = []


def same(what, spec, header):
    if spec == header:
        return
    errors.append("%s:\n  spec   %s\n  header %s" % (what, spec, header))


def upper(name):
    return name.upper().replace("-", "_")


def entries(definition):
    """[(name, value)] of an enum or flags definition"""
    out, value = [], definition.get("value-start", 0)
    for entry in definition["entries"]:
        entry = entry if isinstance(entry, dict) else {"name": entry}
        value = entry.get("value", value)
        name = upper(definition["name-prefix"] + entry["name"])
        out.append((name, 1 << value if definition["type"] == "flags" else value))
        value += 1
    return out


def numbered(items, prefix):
    out, value = [], 1
    for item in items:
        value = item.get("value", value)
        out.append((upper(prefix + item["name"]), value))
        value += 1
    return out


def words(text):
    """the attributes that a comment names, in capitals"""
    return set(re.findall(r"\b[A-Z][A-Z0-9_]{1,}\b", text))


def check_definitions(spec, header):
    for d in spec["definitions"]:
        if d["type"] == "const":
            name = upper("snapset-" + d["name"])
            same(name, d["value"], header.defines.get(name))
        elif d["name"] == "result":
            codes = [(n, v) for n, v in header.defines.items()
                     if re.match(r"SNAPSET_[SE]_", n)]
            same("result codes", entries(d), codes)
        else:
            name = d["enum-name"].replace("-", "_")
            same("enum " + name, entries(d), [e[:2] for e in header.enum(name)])


def check_attributes(spec, header):
    main = spec["attribute-sets"][0]
    have = header.enum("snapset_attr")
    same("attributes", [("SNAPSET_A_UNSPEC", 0)] + numbered(main["attributes"], "snapset-a-"),
         [e[:2] for e in have])
    comments = {name: comment.strip() for name, _, comment in have}
    for a in main["attributes"]:
        comment = comments.get(upper("snapset-a-" + a["name"]), "")
        m = re.match(r"(u32|u64|string|binary|flag|nest)\b", comment)
        # "s32 as u32 bits"; a minor number shares the comment of its major
        kind = m.group(1) if m else {"pad": "pad", "code": "u32"}.get(a["name"])
        same("type of " + a["name"], a["type"], kind)
        nested = a.get("nested-attributes")
        if nested and nested not in [s["name"] for s in spec["attribute-sets"]]:
            errors.append("%s: no attribute set %s" % (a["name"], nested))


def check_query(op, comment, known):
    """What answers for one or for all: "do: ID; dump: ... [ID]; both -> attributes"."""
    asked, _, answered = comment.partition("->")
    one, _, all_of_them = asked.partition("dump:")
    one += all_of_them.partition(";")[2]
    # the sentences behind it begin with the name of one attribute that is there
    answered = re.split(r"\.\s", answered)[0]
    wanted = words(answered) & known
    for stem in re.findall(r"\b([A-Z]_)\*", answered):
        wanted |= {a for a in known if a.startswith(stem)}
    for side, text in (("do", one), ("dump", all_of_them)):
        parts = op[side]
        have = {upper(a) for a in parts.get("request", {}).get("attributes", [])}
        same("request of %s %s" % (side, op["name"]), sorted(have), sorted(words(text) & known))
        have = {upper(a) for a in parts["reply"]["attributes"]}
        same("reply of %s %s" % (side, op["name"]), sorted(have), sorted(wanted))


def check_commands(spec, header):
    have = header.enum("snapset_cmd")
    ops = spec["operations"]["list"]
    same("commands", [("SNAPSET_CMD_UNSPEC", 0)] + numbered(ops, "snapset-cmd-"),
         [e[:2] for e in have])
    comments = {name: comment for name, _, comment in have}
    known = {upper(a["name"]) for a in spec["attribute-sets"][0]["attributes"]}
    for op in ops:
        comment = comments[upper("snapset-cmd-" + op["name"])]
        asked, _, answered = comment.partition("->")
        answered = answered.split(". ")[0]
        do = op.get("do", {})
        if op["name"] in ("set-get", "snap-get"):
            check_query(op, comment, known)
            continue
        if "event" in op:
            asked, answered = "", asked
            do = {"reply": op["event"]}
        for side, text in (("request", asked.split(". ")[0]), ("reply", answered)):
            spec_side = {upper(a) for a in do.get(side, {}).get("attributes", [])}
            same("%s of %s" % (side, op["name"]), sorted(spec_side), sorted(words(text) & known))
    for op in ops:
        for side in ("do", "dump"):
            for part in op.get(side, {}).values():
                for a in part["attributes"]:
                    if upper(a) not in known:
                        errors.append("%s: no attribute %s" % (op["name"], a))


def main():
    with open(sys.argv[1]) as f:
        text = f.read()
    with open(sys.argv[2]) as f:
        header = Header(f.read())
    spec = Reader(text).node()
    try:
        import yaml
        same("reading of YAML", spec, yaml.safe_load(text))
    except ImportError:
        pass
    check_definitions(spec, header)
    check_attributes(spec, header)
    check_commands(spec, header)
    for e in errors:
        print(e)
    return bool(errors)


sys.exit(main())
