"""What families, networks and samplers declare of themselves (`genzoo.options`), as words and tables of `--help`."""

import argparse
import textwrap

from genzoo.cli import types
from genzoo.diffusion.catalogue import SAMPLERS
from genzoo.export.catalogue import FORMATS
from genzoo.models.families import MODELS
from genzoo.networks.catalogue import NETWORKS
from genzoo.options import Choice, Switch


class Gather(argparse.Action):
    """Gathers options in the dict `options`: --latent-dim 8 is --set latent_dim=8."""

    def __call__(self, parser, namespace, value, option_string=None):
        key, value = value if self.dest == "set" else (self.dest, self.const if self.nargs == 0 else value)
        namespace.options = {**namespace.options, key: value}


def add(group, pairs, **instead):
    """Adds options to a group of arguments.

    pairs: (option, who takes it, in words); of several options with one name the first stands for all.
    instead: {name: default} where a command has another one.
    """
    takers = {}
    for option, taker in pairs:
        takers.setdefault(option.name, []).append((option, taker))
    for name, found in takers.items():
        option = found[0][0]
        who = ", ".join(dict.fromkeys(taker for _, taker in found if taker))
        defaults = {instead.get(name, option.default) for option, _ in found}
        default = _shown(*defaults) if len(defaults) == 1 else "see below"
        told = f"{who}: {option.help}" if who else option.help
        how = {"nargs": 0, "const": not option.default}
        if not isinstance(option.kind, Switch):
            kind = option.kind
            if isinstance(kind, Choice):  # families may choose from different names
                kind = Choice(tuple(dict.fromkeys(one for other, _ in found for one in other.kind.names)))
            how = {"type": types.of(kind), "metavar": kind.metavar}
            told += f" (default: {default})" * (default is not None)
        group.add_argument(option.word, *ALIASES.get(name, ()), dest=name, action=Gather, help=told, **how)


ALIASES = {"diffusion_steps": ("--timesteps",)}  # further words for an option


def _shown(value):
    """Returns a default as it would be typed; None is none."""
    if isinstance(value, tuple):
        return ",".join(f"{one:g}" for one in value)
    return f"{value:g}" if isinstance(value, float) else value


def family_options():
    """Yields (option, who takes it) for all constructors, and then for all networks."""
    everywhere = [set(entry.general_options) for entry in MODELS.values()]
    common = set.intersection(*everywhere)
    for name, entry in MODELS.items():
        yield from ((option, "" if option in common else name) for option in entry.general_options)
    for name, network in NETWORKS.items():
        yield from ((option, f"network {name}") for option in network.options)


def sampling_options(diffusing=False):
    """Yields (option, who takes it) for sampling by families, or only those that diffuse, and then for samplers."""
    for name, entry in MODELS.items():
        if entry.diffuses or not diffusing:
            yield from ((option, name) for option in entry.sampling)
    for name, sampler in SAMPLERS.items():
        yield from ((option, f"sampler {name}") for option in sampler.options)


def format_options():
    """Yields (option, who takes it) for all formats of an export."""
    for name, entry in FORMATS.items():
        yield from ((option, name) for option in entry.options)


def formats():
    """Returns the table below `genzoo export --help`."""
    lines = ["formats:"]
    for name, entry in FORMATS.items():
        extra = f"; needs genzoo[{entry.extra}]" if entry.modules else ""
        lines.append(f"  {name:<11}{entry.summary}{extra}")
    return "\n".join(lines)


def diffusing():
    return ", ".join(name for name, entry in MODELS.items() if entry.diffuses)


def samplers():
    """Returns the table below `genzoo sample --help`."""
    lines = ["samplers, with their network evaluations for S steps (guidance doubles them where it acts):"]
    for name, sampler in SAMPLERS.items():
        steps = f"{sampler.steps} steps" if sampler.steps else "all steps"
        lines.append(f"  {name:<9} {sampler.cost:<7} {sampler.summary}; {steps} by default")
    for name, entry in MODELS.items():
        steps = next((option.default for option in entry.sampling if option.name == "steps"), None)
        if steps:
            lines.append(f"{name} has a way of its own, of {steps} steps by default")
    return "\n".join(lines)


def families():
    """Returns the table below `genzoo train --help`."""
    lines = ["families and their defaults:"]
    for entry in MODELS.values():
        lines += _described(entry, entry.train | _defaults(entry.general_options))
    lines.append("networks and their defaults:")
    for network in NETWORKS.values():
        lines += _described(network, _defaults(network.options))
    return "\n".join(lines)


def _defaults(options):
    return {option.name: option.default for option in options}


def _described(entry, defaults):
    told = ", ".join(f"{key}={_shown(value)}" for key, value in defaults.items() if value is not None)
    return [f"  {entry.name:<7}{entry.summary}", textwrap.indent(textwrap.fill(told, 100), 9 * " ")]
