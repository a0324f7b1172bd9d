"""Checks answers of the XML API against the table xml_shapes.txt: literal
prefixes, order, number and values of elements, and that every prefix, that of
xsi:type too, is declared where it is used."""
import os
import re
import xml.parsers.expat

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                     "xml_shapes.txt")
XSI = "http://www.w3.org/2001/XMLSchema-instance"
INTEGER = re.compile(r"-?\d+")


class Element:
    """As it is written: names with their prefixes."""

    def __init__(self, name, attributes, parent):
        self.name, self.attributes, self.parent = name, attributes, parent
        self.text = ""
        self.children = []

    def child(self, name):
        for c in self.children:
            if c.name == name:
                return c
        return None

    def uri(self, prefix):
        """What the prefix stands for here; None: not declared."""
        element = self
        while element is not None:
            uri = element.attributes.get(f"xmlns:{prefix}")
            if uri is not None:
                return uri
            element = element.parent
        return None

    def walk(self):
        yield self
        for c in self.children:
            yield from c.walk()


def parse(text):
    """The root of a document, without namespace processing."""
    parser = xml.parsers.expat.ParserCreate()
    top = Element("", {}, None)
    state = {"open": top}

    def on_start(name, attributes):
        parent = state["open"]
        element = Element(name, attributes, None if parent is top else parent)
        parent.children.append(element)
        state["open"] = element

    def on_end(_):
        state["open"] = state["open"].parent or top

    def on_text(data):
        state["open"].text += data

    parser.StartElementHandler = on_start
    parser.EndElementHandler = on_end
    parser.CharacterDataHandler = on_text
    parser.Parse(text.encode("utf-8"), True)
    return top.children[0]


class Shape:
    """A line of the table: one element, its number, its value."""

    def __init__(self, line):
        words = line.split(None, 1)
        m = re.fullmatch(r"([^?*+{]+)([?*+]?)(?:\{(\d+)\})?", words[0])
        assert m, line
        self.name, number = m.group(1), m.group(2)
        self.least = 0 if number in ("?", "*") else 1
        self.most = int(m.group(3) or 1000000) if number in ("*", "+") else 1
        self.value = words[1].split(" =")[0].strip() if len(words) > 1 else ""
        self.children = []


def read_table(path=TABLE):
    shapes, levels = {}, []
    with open(path, encoding="utf-8") as f:
        for line in f:
            if not line.strip() or line.startswith("#"):
                continue
            depth = (len(line) - len(line.lstrip())) // 2
            if line.strip() == "(empty)":
                continue
            shape = Shape(line.strip())
            if depth == 0:
                shapes[shape.name] = shape
            else:
                levels[depth - 1].children.append(shape)
            levels[depth:] = [shape]
    return shapes


SHAPES = read_table()


def check_value(element, value):
    text, what = element.text, f"{element.name} {element.text!r}"
    kind = re.match(r"\w+", value)
    kind = kind.group(0) if kind else ""
    assert not element.children, f"{what} has elements"
    if kind in ("long", "integer", "int"):
        assert INTEGER.fullmatch(text), f"{what} is not a number"
    elif kind == "boolean":
        assert text in ("true", "false"), f"{what} is not a boolean"
    elif "|" in value and "…" not in value:
        assert text in value.split("|"), f"{what} is not one of {value}"
    length = re.match(r"string\((\d+)\)", value)
    if length:
        assert len(text) <= int(length.group(1)), f"{what} is too long"


def check_element(element, shape):
    reference = re.match(r"<([\w:]+)", shape.value)
    if shape.children:
        check_children(element, shape)
    elif reference is None:
        check_value(element, shape.value)
    elif reference.group(1) in SHAPES:
        check_children(element, SHAPES[reference.group(1)])


def check_children(element, shape):
    """Each child is the one that the shape has next, or a later one."""
    at, count = 0, 0
    for child in element.children:
        where = f"{child.name} in {element.name}"
        while at < len(shape.children) and \
                shape.children[at].name != child.name:
            assert count >= shape.children[at].least, \
                f"{shape.children[at].name} before {where} is missing, or " \
                f"{where} is unknown or too early"
            at, count = at + 1, 0
        assert at < len(shape.children), f"{where}: unknown, or out of order"
        count += 1
        assert count <= shape.children[at].most, f"{where}: too many"
        check_element(child, shape.children[at])
    for rest in shape.children[at:]:
        assert count >= rest.least, f"{rest.name} in {element.name} is missing"
        count = 0


def check_prefixes(root):
    for element in root.walk():
        prefix, colon, _ = element.name.partition(":")
        assert colon and element.uri(prefix), f"{element.name}: no namespace"
        for name, value in element.attributes.items():
            if name.startswith("xmlns:"):
                continue
            assert name == "xsi:type", f"attribute {name}"
            assert element.uri("xsi") == XSI
            assert element.uri(value.partition(":")[0]), f"xsi:type {value}"


def check_content(content):
    """bodyContent of a good answer."""
    name = content.attributes["xsi:type"]
    assert name in SHAPES, f"no shape of {name}"
    check_children(content, SHAPES[name])
