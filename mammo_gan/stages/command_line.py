"""The command line before any work: unknown names, wrong types, contradictions."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mammo_gan.errors import UserError
from mammo_gan.stages import contradictions
from mammo_gan.stages.groups import conf_folder, group_names, group_options


def check(arguments: Sequence[str]) -> None:
    """Refuse what cannot run, before any data is read.

    Raises:
        UserError: an unknown group, option or setting (with the nearest valid name), a value of the wrong
            type, or settings that contradict each other.
    """
    parsed = get_args_parser().parse_args(list(arguments))
    if parsed.shell_completion or parsed.hydra_help or parsed.info:
        return
    for overrides in _jobs(_parse(parsed.overrides)):
        with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
            _check_job(overrides)


def _parse(overrides: list[str]) -> list[Override]:
    try:
        return list(OverridesParser.create().parse_overrides(overrides))
    except HydraException as error:
        raise UserError(
            f"the command line can't be read: {_first_line(error)}. Settings are written name=value."
        ) from None


def _jobs(overrides: list[Override]) -> Iterator[list[Override]]:
    """Each value of each sweep once, the others at their first: enough to check, and linear in the sweep's size."""
    choices = [_choices(override) for override in overrides]
    yield [options[0] for options in choices]
    for position, options in enumerate(choices):
        for option in options[1:]:
            yield [option if i == position else first[0] for i, first in enumerate(choices)]


def _choices(override: Override) -> list[Override]:
    if not override.is_sweep_override():
        return [override]
    if not override.is_discrete_sweep():
        raise UserError(f"{override.input_line}: only lists and ranges can be swept, as in k=100,250")
    return _parse([f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()])


def _check_job(overrides: list[Override]) -> None:
    groups = [override for override in overrides if _is_group(override)]
    settings = [override for override in overrides if not _is_group(override)]
    for override in groups:
        _check_option(override)
    plain = _compose(groups)
    known = dict(_leaves(plain))
    for override in settings:
        _check_setting(override, plain, known)
    cfg = _compose(overrides)
    try:
        OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise UserError(_first_line(error)) from None
    found = contradictions.find(cfg)
    if found:
        raise UserError("; ".join(found))


def _compose(overrides: list[Override]) -> DictConfig:
    try:
        return compose("config", overrides=[str(override.input_line) for override in overrides])
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(_first_line(error)) from None


def _is_group(override: Override) -> bool:
    return override.key_or_group.startswith("hydra/") or (conf_folder() / override.key_or_group).is_dir()


def _check_option(override: Override) -> None:
    group, option = override.key_or_group, override.value()
    if group.startswith("hydra/") or option is None:
        return
    options = [name for name, _ in group_options(group)]
    if option not in options:
        hint = _nearest(str(option), options)
        raise UserError(f"{group}={option}: there is no such {group}.{hint} There are: {', '.join(options)}")


def _check_setting(override: Override, plain: DictConfig, known: dict[str, Any]) -> None:
    key = override.key_or_group
    if key == "hydra" or key.startswith("hydra.") or override.is_delete():
        return
    if key not in known:
        hint = _nearest(key, [*known, *group_names()])
        raise UserError(f"{key}: there is no such setting.{hint} `--help` lists the groups, `--cfg job` all settings")
    before = OmegaConf.select(plain, key)
    after = override.value()
    if isinstance(before, DictConfig):
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


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
