"""A YAML file as plain data, with the line of every key, and the environment's values filled in."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from mailworker.config.environment_placeholders import fill_in, malformed, unset_variable
from mailworker.core.unset_text import UnsetText
from mailworker.errors import ConfigError

Path = tuple[str | int, ...]


class _PlainNumbers(yaml.SafeLoader):
    """Numbers as people write them: YAML 1.1 reads 0700 as 448 and 20:00 as 1200, which nobody means.

    A date stays the text that it is, so that its own key says what is wrong with it, on its own line.
    """


_PlainNumbers.yaml_implicit_resolvers = {
    first: [(tag, shape) for tag, shape in found if not tag.endswith((":int", ":float", ":timestamp"))]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_PlainNumbers.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9_]*)$"), list("-+0123456789")
)
_PlainNumbers.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^(?:[-+]?(?:0|[1-9][0-9_]*)?\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
        r"|[-+]?(?:0|[1-9][0-9_]*)\.|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    list("-+0123456789."),
)


#: What is probably meant by a fault of the parser's, which speaks of its own states.
_MEANT = {
    "found character '\\t'": "; indent with spaces, never with a tab",
    "mapping values are not allowed": "; indent this key as its neighbours, or put the text in quotes",
    "unexpected end of stream": "; a quotation mark that was opened is not closed",
    "expected <block end>": "; indent this line as its neighbours, and look whether a quotation mark is open",
    "could not determine a constructor": "; tags with ! are not known here",
}


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a YAML file. `lines` gives for each key's path the line it stands on, from 1.

    `foreign` has the top-level sections of others by name, with their lines; nothing else is read of them.
    """

    name: str
    data: dict[str, Any]
    lines: dict[Path, int] = field(repr=False)
    faults: tuple[str, ...]
    foreign: Mapping[str, int]
    unset: tuple[UnsetText, ...]

    @property
    def unset_faults(self) -> list[str]:
        """A sentence for each variable that is not set and cannot wait until its value is used."""
        return [text.fault for text in self.unset if not text.may_wait]

    def place(self, path: Path) -> str:
        """`crm_config.yaml:12` for this key, or for the nearest one around it that stands in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.name}:{self.lines[path]}" if path else self.name


def read_document(text: str, name: str, environ: Mapping[str, str], sections: Collection[str]) -> Document:
    """Parse `text`, fill in `${NAME}` and `${NAME:-default}`, and note where everything stands.

    Of the top-level keys only `sections` are read: the file is shared with OmniCRM, and what stands elsewhere
    may need an environment, or YAML tags, that only its own reader has. Raises ConfigError where the text is
    no YAML at all. Doubled keys are collected in `faults` and unset variables in `unset`, so that they can be
    reported together with the rest.
    """
    try:
        root = yaml.compose(text, Loader=_PlainNumbers)
    except yaml.YAMLError as fault:
        raise ConfigError(_not_yaml(name, fault)) from None
    if root is None:
        raise ConfigError(f"{name}: the file is empty; it needs at least a `mailjet:` section.")
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(f"{name}:1: the file must be made of `key: value` lines.")
    foreign = _set_aside(root, sections)
    reader = _Reader(name, environ)
    reader.walk(root, ())
    try:
        data = yaml.SafeLoader("").construct_document(root)
    except (yaml.YAMLError, ValueError) as fault:
        raise ConfigError((*reader.faults, _not_yaml(name, fault))) from None
    return Document(name, data, reader.lines, tuple(reader.faults), foreign, tuple(reader.unset))


def _set_aside(root: yaml.MappingNode, sections: Collection[str]) -> dict[str, int]:
    """Take out of the tree what is not in `sections`, and give its names and lines."""
    ours, foreign = [], {}
    for key, child in root.value:
        if _plain(key) in sections or key.tag == "tag:yaml.org,2002:merge":
            ours.append((key, child))
        else:
            foreign[_plain(key)] = key.start_mark.line + 1
    root.value = ours
    return foreign


def _not_yaml(name: str, fault: Exception) -> str:
    mark = getattr(fault, "problem_mark", None)
    place = f"{name}:{mark.line + 1}" if mark else name
    what = " ".join(
        (getattr(fault, "problem", None) or getattr(fault, "context", None) or str(fault)).split()
    )
    meant = next((words for start, words in _MEANT.items() if start in what), "")
    return f"{place}: this is not YAML: {what}{meant}."


class _Reader:
    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        self.name = name
        self.environ = environ
        self.lines: dict[Path, int] = {}
        self.faults: list[str] = []
        self.unset: list[UnsetText] = []
        self.inside: list[yaml.Node] = []

    def walk(self, node: yaml.Node, path: Path) -> None:
        if node in self.inside:  # it would be walked for ever
            line = node.start_mark.line + 1
            raise ConfigError(f"{self.name}:{line}: an alias stands inside of what it repeats; write it out.")
        self.inside.append(node)
        if isinstance(node, yaml.ScalarNode):
            self._fill_in(node, path)
        elif isinstance(node, yaml.SequenceNode):
            for index, child in enumerate(node.value):
                self.lines[(*path, index)] = child.start_mark.line + 1
                self.walk(child, (*path, index))
        elif isinstance(node, yaml.MappingNode):
            self._walk_mapping(node, path)
        self.inside.pop()

    def _walk_mapping(self, node: yaml.MappingNode, path: Path) -> None:
        for key, child in node.value:
            here = (*path, _plain(key))
            line = key.start_mark.line + 1
            if here in self.lines:
                self.faults.append(
                    f"{self.name}:{line}: {dotted(here)} stands twice, first on line {self.lines[here]}; "
                    "remove one."
                )
            self.lines[here] = line
            self.walk(child, here)

    def _fill_in(self, node: yaml.ScalarNode, path: Path) -> None:
        if "${" not in node.value:
            return
        if malformed(node.value):
            self.faults.append(
                f"{self.name}:{node.start_mark.line + 1}: {dotted(path)} has a `${{` that is no ${{NAME}}: "
                "a name has letters, digits and _, and a default has no ${ in it."
            )
            return
        unset = unset_variable(node.value, self.environ)
        if unset is not None:
            node.value = UnsetText(self._unset_fault(unset, node, path))
            node.tag = "tag:yaml.org,2002:str"
            self.unset.append(node.value)
            return
        node.value = fill_in(node.value, self.environ)
        if node.style is None:  # an unquoted ${PORT} may be a number
            resolve: Any = _PlainNumbers("").resolve
            node.tag = resolve(yaml.ScalarNode, node.value, (True, False))

    def _unset_fault(self, name: str, node: yaml.ScalarNode, path: Path) -> str:
        return (
            f"{self.name}:{node.start_mark.line + 1}: {dotted(path)} needs the environment variable "
            f"{name}, which is not set; set it, or write ${{{name}:-default}}."
        )


def dotted(path: Path) -> str:
    """`mailjet.api_key` for a path."""
    return ".".join(str(part) for part in path)


def _plain(key: yaml.Node) -> str:
    return str(key.value)
