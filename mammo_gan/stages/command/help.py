"""`--help`: what can be asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mammo_gan.stages.command.groups import conf_folder, group_names, group_options


def is_asked_for(arguments: Sequence[str]) -> bool:
    """Whether our own help is wanted; `--hydra-help` stays Hydra's."""
    return any(argument in ("--help", "-h") for argument in arguments)


def text() -> str:
    """What can be asked for: usage, each group's options with a line each, the settings of every run."""
    lines = [
        "Generative models of mammograms: from a raw archive to a report.",
        "",
        "usage: python -m mammo_gan.run experiment=NAME [group=option ...] [setting=value ...]",
        "       python -m mammo_gan.run -m experiment=NAME seed=1,2,3      one job for each value",
        "",
        "  python -m mammo_gan.run experiment=cigan_ddsm source=phantom scale=demo",
        "  python -m mammo_gan.run experiment=cigan_ddsm archive.root=/data/DDSM",
        "  python -m mammo_gan.run -m experiment=dcgan_augmentation k=100,250 mode=org,gan fold=0,1,2",
        "",
    ]
    for group in group_names():
        lines.append(f"{group}=")
        lines += [f"  {name:<14} {description}" for name, description in group_options(group)]
    lines += ["", "settings of every run (conf/config.yaml):", *_common_settings(), ""]
    lines += [
        "--config-dir DIR     also look in DIR for files of these groups, as in DIR/experiment/mine.yaml",
        "--cfg job            print all settings as they would be, and stop",
        '-sc install=bash     shell completion, with the installed command: eval "$(mammo-gan -sc install=bash)"',
        "--hydra-help         Hydra's own options",
    ]
    return "\n".join(lines)


def _common_settings() -> Iterator[str]:
    """The settings of config.yaml that a user may set, those with a comment, before the part about Hydra."""
    for line in (conf_folder() / "config.yaml").read_text(encoding="utf-8").splitlines():
        setting, _, comment = line.partition(" # ")
        if comment and not line.startswith((" ", "#")):
            name, _, value = setting.partition(": ")
            yield f"  {name:<14} {comment} (now: {value})"
