"""Reads the imports of a crate: its modules, what they define, and the paths that they name."""

import re
from pathlib import Path

# Matches comments, raw strings, strings and characters, but not lifetimes.
BLANK = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | b?r(?P<hashes>\#*)".*?"(?P=hashes)
      | b?"(?:\\.|[^"\\])*" | b?'(?:\\[^']+|[^'\\])'""",
    re.VERBOSE | re.DOTALL,
)
TEST_ONLY = re.compile(r"#\[cfg\((?!not\b)[^\]]*\btest\b[^\]]*\]\s*")
PUB = r"(?:\bpub(?:\([^)]*\))?\s+)?"
MODULE = re.compile(
    rf'(?:#\[path\s*=\s*"(?P<path>[^"]*)"\]\s*)?{PUB}\bmod\s+(?P<name>\w+)\s*(?P<end>[;{{])'
)
USE = re.compile(rf"{PUB}\buse\s+(?P<tree>[\w:{{*][^;]*);")
PATH = re.compile(r"(?<![\w:])[A-Za-z_]\w*(?:::[A-Za-z_]\w*)+")
DEFINITION = re.compile(
    r"\b(?:struct|enum|trait|type|union|const|static|fn|macro_rules!)\s+(?:mut\s+)?(\w+)"
)


class Module:
    """One module; a file may contain several."""

    def __init__(self, file, parent=None):
        self.file, self.parent, self.children = file, parent, {}
        self.bound = {}  # name -> path, from `use`
        self.globs, self.definitions = [], set()
        self.named = []  # (path, offset of its line) of everything that the module names
        self.root = parent.root if parent else self


def read_crate(root_file):
    """The root module of a crate with all modules below it, without code that is only for tests."""
    root_file = Path(root_file)
    root = Module(root_file)
    read_file(root, root_file.parent)
    return root


def read_file(module, folder):
    text = module.file.read_text()
    read_body(module, text, blank(text), 0, folder)


def blank(text):
    """The code with comments, strings and test-only code replaced by spaces."""
    # A path attribute keeps its string.
    kept = {match.start("path") - 1 for match in MODULE.finditer(text) if match.group("path")}
    code = BLANK.sub(lambda match: match[0] if match.start() in kept else spaces(match[0]), text)
    while match := TEST_ONLY.search(code):
        end = end_of_item(code, match.end())
        code = code[: match.start()] + spaces(code[match.start() : end]) + code[end:]
    return code


def spaces(text):
    return re.sub(r"[^\n]", " ", text)


def end_of_item(code, start):
    is_use = USE.match(code, start)
    depth = 0
    for at in range(start, len(code)):
        if code[at] in "([{":
            depth += 1
        elif code[at] in ")]}":
            depth -= 1
            if depth == 0 and code[at] == "}" and not is_use:
                return at + 1
        elif code[at] == ";" and depth == 0:
            return at + 1
    return len(code)


def read_body(module, text, code, start, folder):
    """Reads `code`, which begins at `start` of the text; `folder` has the files of its modules."""
    at = 0
    while match := MODULE.search(code, at):
        name, end = match.group("name"), match.end()
        if match.group("end") == "{":
            end = end_of_item(code, match.start())
            child = Module(module.file, module)
            body = code[match.end() : end - 1]
            read_body(child, text, body, start + match.end(), folder / name)
        else:
            child = Module(find_file(module, folder, name, match.group("path")), module)
            read_file(child, child.file.parent if match.group("path") else folder / name)
        module.children[name] = child
        code = code[: match.start()] + spaces(code[match.start() : end]) + code[end:]
        at = end
    for match in USE.finditer(code):
        for path, name in branches(match.group("tree")):
            if name == "*":
                module.globs.append(path)
                module.named.append(([*path, "*"], line(text, start + match.start())))
            else:
                module.bound[name] = path
                module.named.append((path, line(text, start + match.start())))
    code = USE.sub(lambda match: spaces(match[0]), code)
    module.definitions.update(DEFINITION.findall(outermost(code)))
    for match in PATH.finditer(code):
        module.named.append((match.group().split("::"), line(text, start + match.start())))


def outermost(code):
    """The code outside all braces."""
    parts, depth = [], 0
    for part in re.split(r"([{}])", code):
        depth += (part == "{") - (part == "}")
        if depth == 0:
            parts.append(part)
    return " ".join(parts)


def find_file(module, folder, name, path):
    if path:
        return (module.file.parent / path).resolve()
    plain = folder / f"{name}.rs"
    return plain if plain.exists() else folder / name / "mod.rs"


def line(text, offset):
    return text.count("\n", 0, offset) + 1


def branches(tree, before=()):
    """The paths of a tree of imports, each with the name that it binds."""
    tree = tree.strip()
    if "{" in tree:
        head, inner = tree.split("{", 1)
        before = (*before, *(part.strip() for part in head.split("::") if part.strip()))
        depth, start, inner = 0, 0, inner.rsplit("}", 1)[0] + ","
        for at, sign in enumerate(inner):
            depth += (sign == "{") - (sign == "}")
            if sign == "," and depth == 0:
                if inner[start:at].strip():
                    yield from branches(inner[start:at], before)
                start = at + 1
        return
    path, _, alias = tree.partition(" as ")
    parts = [*before, *(part.strip() for part in path.split("::") if part.strip())]
    if parts[-1] == "self" and len(parts) > 1:
        parts.pop()
    if parts[-1] == "*":
        yield parts[:-1], "*"
    else:
        yield parts, alias.strip() or parts[-1]


def resolve(module, path, seen=frozenset()):
    """The module that defines what a path names, and the rest of the path.

    `None` for what another crate has.
    """
    head, rest = path[0], list(path[1:])
    if head == "crate":
        here = module.root
    elif head == "self":
        here = module
    elif head == "super":
        here = module.parent or module
        while rest and rest[0] == "super":
            here, rest = here.parent or here, rest[1:]
    else:
        here, rest = module, list(path)
        if not knows(module, head):
            return through_globs(module, rest, seen)
    return walk(here, rest, seen)


def walk(here, rest, seen):
    while rest:
        name = rest[0]
        if name in here.children:
            here, rest = here.children[name], rest[1:]
        elif name in here.definitions or name == "*":
            return here, rest
        elif name in here.bound and (here, name) not in seen:
            path = here.bound[name]
            # `use bytes;` names a crate, not itself.
            if path == [name] or not (is_own(here, path) or path[0] in here.bound):
                return None
            return resolve(here, [*path, *rest[1:]], seen | {(here, name)})
        else:
            return through_globs(here, rest, seen) or (here, rest)
    return here, rest


def through_globs(here, rest, seen):
    for number, path in enumerate(here.globs):
        key = (here, number)
        if key in seen or not is_own(here, path):
            continue
        target = resolve(here, path, seen | {key})
        if target and not target[1] and knows(target[0], rest[0]):
            return walk(target[0], rest, seen | {key})
    return None


def is_own(module, path):
    return path[0] in ("crate", "self", "super") or path[0] in module.children


def knows(module, name):
    return name in module.children or name in module.bound or name in module.definitions
