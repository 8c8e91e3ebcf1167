"""Modules that are ours in all but this: one of their callbacks traps, always or where something is as it says."""

UNREACHABLE, END, IF_VOID, CALL, DROP = b"\x00", b"\x0b", b"\x04\x40", b"\x10", b"\x1a"
LOCAL_GET, I32_CONST, I32_EQZ, I32_GT_U = b"\x20", b"\x41", b"\x45", b"\x4b"
NO_LOCALS = b"\x00"
IMPORTS, EXPORTS, CODE, CUSTOM = 2, 7, 10, 0
FUNCTION = 0
MANY_HEADERS = 30
"""More headers than any other request of a test has."""
CONFIGURED, TRAPPED = 4, 8
SCRATCH = 0
"""The far end of the stack, as wide as a call needs: a deeper one would have failed."""


def trapping(module, callback):
    """The bytes of a module whose export `callback` traps."""
    return _rewritten(module, callback, lambda _: NO_LOCALS + UNREACHABLE + END)


def trapping_on_headers(module, callback="proxy_on_request_headers", *, and_again=False):
    """The same where there are more than `MANY_HEADERS`; `and_again`: so does the configuration of the next VM."""
    many = LOCAL_GET + _leb(1) + _constant(MANY_HEADERS) + I32_GT_U
    if not and_again:
        return _prefixed(module, callback, _if(many, UNREACHABLE))
    module = _prefixed(module, callback, _if(many, _remembers(module, TRAPPED) + UNREACHABLE))
    return _prefixed(module, "proxy_on_configure", _if(_is_remembered(module, TRAPPED), UNREACHABLE))


def configured_once(module):
    """The bytes of a module that traps in each configuration but the first of its `vm_id`, by which Envoy tries it."""
    code = _if(_is_remembered(module, CONFIGURED), UNREACHABLE) + _remembers(module, CONFIGURED)
    return _prefixed(module, "proxy_on_configure", code)


def renamed(module, name):
    """The bytes of a module that does the same and has another digest: a custom section comes at its end."""
    content = _leb(len(name)) + name.encode()
    return module + bytes([CUSTOM]) + _leb(len(content)) + content


def _remembers(module, what):
    """Notes in Envoy's shared data that this code ran: the length of the key says what, its text says nothing."""
    pair = [SCRATCH, what, SCRATCH, what, 0]
    return b"".join(map(_constant, pair)) + _call(module, "proxy_set_shared_data") + DROP


def _is_remembered(module, what):
    out = [SCRATCH, what, SCRATCH + 16, SCRATCH + 20, SCRATCH + 24]
    return b"".join(map(_constant, out)) + _call(module, "proxy_get_shared_data") + I32_EQZ


def _if(condition, then):
    return condition + IF_VOID + then + END


def _constant(number):
    """`i32.const` of a number below 64."""
    return I32_CONST + bytes([number])


def _call(module, name):
    names = _import_names(dict(_sections(module))[IMPORTS])
    return CALL + _leb(names.index(name.encode()))


def _prefixed(module, callback, code):
    """The bytes of a module whose export `callback` does this first."""

    def replace(body):
        reader = _Reader(body)
        for _ in range(reader.number()):
            reader.number()
            reader.bytes(1)
        return body[: reader.at] + code + body[reader.at :]

    return _rewritten(module, callback, replace)


def _rewritten(module, callback, replace):
    """The bytes of a module, with what `replace` makes of the body of an export."""
    sections = list(_sections(module))
    by_id = dict(sections)
    function = _exported(by_id[EXPORTS], callback.encode()) - len(_import_names(by_id[IMPORTS]))
    by_id[CODE] = _replaced(by_id[CODE], function, replace)
    whole = ((kind, by_id[kind] if kind == CODE else content) for kind, content in sections)
    return module[:8] + b"".join(bytes([kind]) + _leb(len(content)) + content for kind, content in whole)


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


def _import_names(section):
    """The functions that come from elsewhere: all that our modules import."""
    reader = _Reader(section)
    names = []
    for _ in range(reader.number()):
        module, name, kind, _ = reader.name(), reader.name(), reader.bytes(1)[0], reader.number()
        if kind != FUNCTION:
            raise ValueError(f"{module}.{name} is no function")
        names.append(name)
    return names


def _replaced(section, function, replace):
    """The code section with the body of a function replaced."""
    reader = _Reader(section)
    bodies = [reader.name() for _ in range(reader.number())]
    bodies[function] = replace(bodies[function])
    return _leb(len(bodies)) + b"".join(_leb(len(it)) + it for it in bodies)
