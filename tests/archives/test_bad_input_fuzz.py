"""The text files and tables of each archive with a few bytes wrong: records, faults and named errors, nothing else."""

from __future__ import annotations

import io
import itertools
import os
import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mammo_gan.archives import index
from mammo_gan.archives.integrity import Fault
from mammo_gan.archives.reader import Reader
from mammo_gan.archives.records import Mammogram
from mammo_gan.errors import UserError
from tests.archives.cbis_miniature import make_cbis
from tests.archives.inbreast_miniature import IMAGES, make_inbreast
from tests.archives.miniature import make_ddsm, make_manifest, make_mias
from tests.archives.optimam_miniature import Image, episode, mark, write_client
from tests.archives.test_bad_input import READERS
from tests.archives.test_optimam_tables import row
from tests.archives.test_optimam_tables import write as write_optimam_table
from tests.mutations import mutated

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "inbreast_tables" / "INbreast.xls"
pytestmark = pytest.mark.filterwarnings("ignore")  # openpyxl and pydicom warn of what is refused here
FUZZ = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
LATER = itertools.count(10**18, 10**9)


def ddsm(root: Path) -> Reader:
    make_ddsm(root, patients=1)
    return READERS["ddsm"]


def mias(root: Path) -> Reader:
    make_mias(root, size=256, rows=["mdb001 G CIRC B 35 125 19", "mdb002 D CALC M *NOTE 3*"], absent=())
    return READERS["mias"]


def cbis(root: Path) -> Reader:
    make_cbis(root)
    return READERS["cbis"]


def inbreast(root: Path) -> Reader:
    make_inbreast(root, dict(list(IMAGES.items())[1:2]))
    return READERS["inbreast"]


def inbreast_csv(root: Path) -> Reader:
    make_inbreast(root, table="INbreast.csv")
    return READERS["inbreast"]


def inbreast_xls(root: Path) -> Reader:
    if not PUBLISHED.is_file():
        pytest.skip(f"no published table: {PUBLISHED} isn't there")
    make_inbreast(root)
    (root / "INbreast.xlsx").unlink()
    shutil.copy(PUBLISHED, root)
    return READERS["inbreast"]


def optimam(root: Path) -> Reader:
    nbss = {"500": episode({"L": "OM"}, {"L": {"1": {"Opinion": "B5"}}})}
    write_client(root, "demd1", nbss, [Image(name="1.2.3.1", marks=[mark(16, 12, 25, 21)])])
    return READERS["optimam"]


def optimam_csv(root: Path) -> Reader:
    return write_optimam_table(root, [row("a", (16, 12, 25, 21)), row("b")], "table.csv")


def optimam_xlsx(root: Path) -> Reader:
    return write_optimam_table(root, [row("a", (16, 12, 25, 21)), row("b")], "table.xlsx")


def manifest(root: Path) -> Reader:
    make_manifest(root, patients=1)
    return READERS["manifest"]


def manifest_parquet(root: Path) -> Reader:
    make_manifest(root, patients=1)
    pq.write_table(pa_csv.read_csv(root / "manifest.csv"), root / "manifest.parquet", compression="none")
    (root / "manifest.csv").unlink()
    return READERS["manifest"]


FILES: Mapping[str, tuple[Callable[[Path], Reader], str]] = {
    "ddsm .ics": (ddsm, "cases/cancers/cancer_01/case1001/B-1001-1.ics"),
    "ddsm .OVERLAY": (ddsm, "cases/cancers/cancer_01/case1001/B_1001_1.LEFT_CC.OVERLAY"),
    "mias Info.txt": (mias, "Info.txt"),
    "cbis masses": (cbis, "mass_case_description_train_set.csv"),
    "cbis calcifications": (cbis, "calc_case_description_test_set.csv"),
    "inbreast .xml": (inbreast, "AllXML/20586934.xml"),
    "inbreast .csv": (inbreast_csv, "INbreast.csv"),
    "inbreast .xls": (inbreast_xls, "INbreast.xls"),
    "inbreast .xlsx": (inbreast, "INbreast.xlsx"),
    "optimam nbss": (optimam, "data/demd1/nbss_demd1.json"),
    "optimam imagedb": (optimam, "data/demd1/imagedb_demd1.json"),
    "optimam header": (optimam, "data/demd1/1.2.1/1.2.3.1.json"),
    "optimam .csv": (optimam_csv, "table.csv"),
    "optimam .xlsx": (optimam_xlsx, "table.xlsx"),
    "manifest .csv": (manifest, "manifest.csv"),
    "manifest .parquet": (manifest_parquet, "manifest.parquet"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Reader, bytes]]:
    """A folder for each of `FILES`, its reader, and what the file holds while it is whole."""
    made: dict[str, tuple[Path, Reader, bytes]] = {}

    def of(what: str) -> tuple[Path, Reader, bytes]:
        if what not in made:
            make, file = FILES[what]
            root = tmp_path_factory.mktemp("root")
            reader = make(root)
            made[what] = root, reader, (root / file).read_bytes()
            found = list(reader.scan(root))
            assert found
            assert all(isinstance(each, Mammogram) for each in found) or what == "inbreast .xls"
        return made[what]

    return of


def check(what: str, root: Path, reader: Reader, content: bytes) -> None:
    """Whatever the file holds, the scan ends with records that an index can hold, faults, or an error that names it."""
    file = root / FILES[what][1]
    file.write_bytes(content)
    later = next(LATER)
    os.utime(file, ns=(later, later))  # as if time had passed: parsed tables are kept until then
    try:
        found = list(reader.scan(root))
    except UserError as error:
        assert file.name in str(error) or str(root) in str(error)
        return
    records = [each for each in found if isinstance(each, Mammogram)]
    faults = [each for each in found if isinstance(each, Fault)]
    assert len(records) + len(faults) == len(found)
    assert all(fault.file and fault.problem and fault.found for fault in faults)
    index.write(root.parent / f"{root.name}.parquet", records)
    assert index.read(root.parent / f"{root.name}.parquet") == records


@pytest.mark.parametrize("what", FILES)
@FUZZ
@given(data=st.data())
def test_broken_bytes(whole: Callable[[str], tuple[Path, Reader, bytes]], what: str, data: st.DataObject) -> None:
    root, reader, content = whole(what)
    check(what, root, reader, data.draw(mutated(content)))


@pytest.mark.parametrize("what", ["inbreast .xlsx", "optimam .xlsx"])
@FUZZ
@given(data=st.data())
def test_broken_parts_of_a_packed_workbook(
    whole: Callable[[str], tuple[Path, Reader, bytes]], what: str, data: st.DataObject
) -> None:
    """Of random bytes in a packed file hardly any pass its checksums, so its parts are broken before."""
    root, reader, content = whole(what)
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    name = data.draw(st.sampled_from(sorted(parts)))
    parts[name] = data.draw(mutated(parts[name]))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as book:
        for part, inner in parts.items():
            book.writestr(part, inner)
    check(what, root, reader, packed.getvalue())
