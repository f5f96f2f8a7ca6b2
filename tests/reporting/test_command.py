from __future__ import annotations

import pytest

from mammo_gan.reporting.command import shareable_command


@pytest.mark.parametrize(
    "override",
    [
        "archive.root=/data/DDSM",
        "archive.root='/data/my films'",
        "archive.root=data/DDSM",
        "+archive.root=~/films",
        "images=patient_4711",
        "paths.output=results",
        "init_from=last.ckpt",
        "weights.vgg19=../vgg19.safetensors",
        "weights.vgg19=C:\\vgg19.safetensors",
        "files=[a,/secret/b]",
        "sweep.folders={a: /secret}",
        "url=s3://bucket/secret",
    ],
)
def test_paths_stay_at_home(override: str) -> None:
    key = override.partition("=")[0]
    assert shareable_command([override]) == f"python -m mammo_gan.run {key}=PATH"


@pytest.mark.parametrize(
    "override",
    [
        "experiment=cigan_ddsm",
        "seed=1",
        "preset/method=cigan_paper",
        "split.fractions.train=.8",
        "x=a/b",
        "synthesis.images=200",
    ],
)
def test_what_is_no_path_stays(override: str) -> None:
    assert shareable_command([override]).endswith(f" {override}")


def test_stages_stay_and_are_quoted_for_the_shell() -> None:
    assert shareable_command(["stages=[index,train/infill]"]).endswith(" 'stages=[index,train/infill]'")
