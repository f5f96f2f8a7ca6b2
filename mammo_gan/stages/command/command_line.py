"""The command line before any work: unknown names, wrong types, contradictions."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mammo_gan.errors import UserError
from mammo_gan.stages.command import composing, contradictions, targets
from mammo_gan.stages.command.composing import first_line, is_group
from mammo_gan.stages.command.groups import group_names


def check(arguments: Sequence[str]) -> None:
    """Refuse what cannot run and what should not, before any data is read and anything is built.

    Raises:
        UserError: an unknown group, option or setting (with the nearest valid name), a value of the wrong
            type, settings that contradict each other, or one that would build or call what it should not.
    """
    parsed = get_args_parser().parse_args(list(arguments))
    composing.check_options(parsed)
    if parsed.shell_completion or parsed.hydra_help or parsed.info:
        return
    overrides = composing.parse(parsed.overrides)
    with composing.search_path(parsed.config_dir):
        _check_groups(overrides)
        swept = composing.swept_by_files(overrides)
        _check_groups(swept)
        for job in _jobs([*swept, *overrides]):
            _check_job(job)


def _jobs(overrides: list[Override]) -> Iterator[list[Override]]:
    """Each combination of files, and each value of each sweep once, the others at their first: enough to check, and
    linear in the sweep's size."""
    choices = [_choices(override) for override in overrides]
    first = [options[:1] for options in choices]
    files = [options if is_group(options[0]) else options[:1] for options in choices]
    yield from map(list, product(*files))
    for position, options in enumerate(choices):
        for option in options[1:] if len(files[position]) == 1 else ():
            yield [option if i == position else others[0] for i, others in enumerate(first)]


def _choices(override: Override) -> list[Override]:
    if not override.is_sweep_override():
        return [override]
    if not override.is_discrete_sweep():
        raise UserError(f"{override.input_line}: only lists and ranges can be swept, as in k=100,250")
    return composing.parse([f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()])


def _check_groups(overrides: list[Override]) -> None:
    for choice in (choice for override in overrides if is_group(override) for choice in _choices(override)):
        group, option = choice.key_or_group, choice.value()
        options = composing.options(group)
        if option is not None and option not in options:
            hint = _nearest(str(option), options)
            raise UserError(f"{group}={option}: there is no such {group}.{hint} There are: {', '.join(options)}")


def _check_job(overrides: list[Override]) -> None:
    plain = composing.compose([override for override in overrides if is_group(override)])
    known = dict(_leaves(plain))
    for override in overrides:
        if not is_group(override):
            _check_setting(override, plain, known)
    cfg = composing.compose(overrides)
    try:
        resolved = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise UserError(first_line(error)) from None
    targets.check_names(resolved)
    _check_folders(cfg)
    found = contradictions.find(cfg)
    if found:
        raise UserError("; ".join(found))


def _check_folders(cfg: DictConfig) -> None:
    """Names that folders are called after must not lead out of the folder above."""
    for key, name in (("name", cfg.name), ("paper", cfg.paper), *(("pipeline", stage) for stage in cfg.pipeline)):
        if name is not None and not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", str(name)):
            raise UserError(f"{key}: expected a name of letters, digits, - and _, found {name!r}")


def _check_setting(override: Override, plain: DictConfig, known: dict[str, Any]) -> None:
    key = override.key_or_group
    if composing.is_hydras(override) or override.is_delete():
        return
    if key not in known:
        hint = _nearest(key, [*known, *group_names()])
        raise UserError(f"{key}: there is no such setting.{hint} `--help` lists the groups, `--cfg job` all settings")
    before = OmegaConf.select(plain, key)
    after = override.value()
    if isinstance(before, DictConfig) and after is not None:
        unknown = sorted(set(after) - set(before)) if isinstance(after, dict) else [str(after)]
        if unknown:
            raise UserError(f"{key}: {unknown[0]} is no setting of it.{_nearest(unknown[0], [str(k) for k in before])}")
    elif not _fits(before, after):
        raise UserError(f"{key}={after}: expected {_kind(before)} like {_shown(before)}, got {_kind(after)}")


def _fits(before: Any, after: Any) -> bool:
    """Whether a value can stand where another stood: the configuration's own values are its types."""
    if before is None or after is None or (isinstance(after, str) and "${" in after):
        return True
    if isinstance(before, ListConfig | list):
        return isinstance(after, list) and (not before or all(_fits(before[0], item) for item in after))
    if isinstance(before, bool) or isinstance(after, bool):
        return isinstance(before, bool) and isinstance(after, bool)
    if isinstance(before, float):
        return isinstance(after, int | float)
    if isinstance(before, int):
        return isinstance(after, int)
    return not isinstance(after, list | dict)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int):
        return "a whole number"
    if isinstance(value, float):
        return "a number"
    return (
        "a list"
        if isinstance(value, ListConfig | list)
        else "a set of settings"
        if isinstance(value, dict)
        else "a text"
    )


def _shown(value: Any) -> str:
    return str(OmegaConf.to_container(value)) if isinstance(value, ListConfig) else str(value)


def _leaves(node: DictConfig, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name in map(str, node):
        key = f"{prefix}{name}"
        raw = node._get_node(name)
        yield key, raw
        if isinstance(raw, DictConfig) and not raw._is_none() and not raw._is_interpolation():
            yield from _leaves(raw, f"{key}.")


def _nearest(name: str, valid: Sequence[str]) -> str:
    """The closest valid names, also by their last part: `batch_size` finds `training.batch_size`."""
    last = {candidate.rsplit(".", 1)[-1]: candidate for candidate in reversed(valid)}
    close = difflib.get_close_matches(name, valid, n=1, cutoff=0.6)
    close = close or [
        last[part] for part in difflib.get_close_matches(name.rsplit(".", 1)[-1], list(last), n=1, cutoff=0.6)
    ]
    return f" Did you mean {close[0]}?" if close else ""
