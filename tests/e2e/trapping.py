"""A module that is one of ours in all but this: one of its callbacks traps."""

UNREACHABLE = bytes([0, 0x00, 0x0B])
"""A function without locals: `unreachable`, `end`."""
IMPORTS, EXPORTS, CODE = 2, 7, 10
FUNCTION = 0


def trapping(module, callback):
    """The bytes of a module whose export `callback` traps."""
    sections = list(_sections(module))
    by_id = dict(sections)
    function = _exported(by_id[EXPORTS], callback.encode()) - _imported(by_id[IMPORTS])
    sections = [(kind, _replaced(content, function) if kind == CODE else content) for kind, content in sections]
    return module[:8] + b"".join(bytes([kind]) + _leb(len(content)) + content for kind, content in sections)


class _Reader:
    """Reads WebAssembly's binary format."""

    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def bytes(self, count):
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self):
        value = shift = 0
        while True:
            byte = self.bytes(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def name(self):
        return self.bytes(self.number())


def _leb(number):
    encoded = b""
    while number > 0x7F:
        encoded, number = encoded + bytes([number & 0x7F | 0x80]), number >> 7
    return encoded + bytes([number])


def _sections(module):
    reader = _Reader(module, 8)
    while reader.at < len(module):
        kind = reader.bytes(1)[0]
        yield kind, reader.name()


def _exported(section, name):
    """The index of the function of this name."""
    reader = _Reader(section)
    for _ in range(reader.number()):
        found, kind, index = reader.name(), reader.bytes(1)[0], reader.number()
        if (found, kind) == (name, FUNCTION):
            return index
    raise ValueError(f"the module does not export {name}")


def _imported(section):
    """How many functions come from elsewhere: all that our modules import."""
    reader = _Reader(section)
    count = reader.number()
    for _ in range(count):
        module, name, kind, _ = reader.name(), reader.name(), reader.bytes(1)[0], reader.number()
        if kind != FUNCTION:
            raise ValueError(f"{module}.{name} is no function")
    return count


def _replaced(section, function):
    """The code section with the body of a function replaced."""
    reader = _Reader(section)
    bodies = [reader.name() for _ in range(reader.number())]
    bodies[function] = UNREACHABLE
    return _leb(len(bodies)) + b"".join(_leb(len(it)) + it for it in bodies)
