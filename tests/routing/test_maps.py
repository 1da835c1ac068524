"""Maps: imported whole or not at all, made up the same for the same seed, refused with a reason."""

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest
from pmtiles.reader import MmapSource, Reader

from routing import atlas, basemap, neighbourhood, osm
from routing.addresses import Addresses
from routing.map_command import main
from routing.places import Address, MapError
from routing.road_build import build
from routing.road_rules import drivable
from routing.roads import RoadGraph
from tests.routing.xml_maps import write_map

pytestmark = pytest.mark.whole


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "one.osm.pbf"
    neighbourhood.make(1, path)
    return path


@pytest.fixture(scope="module")
def map_dir(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    maps = tmp_path_factory.mktemp("maps")
    atlas.import_map(made, "one", maps)
    return maps / "one"


@pytest.fixture(scope="module")
def village(shared_data: Path) -> Iterator[Path]:
    yield shared_data / "map" / "wechelderzande.osm.pbf"


# ---------------------------------------------------------------- a real extract


def test_real_extract_has_the_counts_of_its_source(village: Path) -> None:
    extract = osm.read(village)
    built = build(extract)
    assert extract.buildings == 1803
    assert len(extract.addresses) == 1551
    assert len({row.street for row in extract.addresses} - {""}) == 64
    # The source's "about 1,096 nodes" counts private ways and nodes that lie outside the extract; vans have neither.
    public = {n for way in extract.ways if drivable(way.tags) for n in way.nodes}
    private = {n for w in extract.ways if drivable({"highway": w.tags["highway"]}) for n in w.nodes}
    assert len(private) == 1096
    assert 1060 <= len(public) <= 1096
    assert built.cut_nodes == 172
    assert built.connected_nodes >= 0.98 * built.road_nodes


def test_real_extract_gives_a_whole_map_and_a_quick_matrix(village: Path, tmp_path: Path) -> None:
    said: list[str] = []
    info = atlas.import_map(village, "wechelderzande", tmp_path, progress=said.append)
    assert info.attribution == "© OpenStreetMap contributors"
    assert info.sites == ()
    assert said
    roads = RoadGraph.load(tmp_path / "wechelderzande")
    rows = Random(1).sample(list(Addresses.load(tmp_path / "wechelderzande")), 300)
    begin = time.process_time()
    travel = roads.matrix([(row.lat, row.lon) for row in rows])
    assert time.process_time() - begin < 1.0
    assert (travel.duration_s >= 0).all()
    assert 60 < travel.duration_s[~np.eye(300, dtype=bool)].mean() < 600


# ---------------------------------------------------------------- a made-up one


@pytest.mark.whole
def test_same_seed_gives_the_same_bytes(made: Path, tmp_path: Path) -> None:
    neighbourhood.make(1, tmp_path / "again.osm.pbf")
    assert (tmp_path / "again.osm.pbf").read_bytes() == made.read_bytes()


def test_a_seed_keeps_its_neighbourhood_from_version_to_version() -> None:
    """Days are played and compared on it. Elements and not the file, whose bytes are the compressor's."""
    digest = hashlib.sha256()
    for element in neighbourhood.elements(Random(1)):
        spot = element.spot and tuple(round(metres, 2) for metres in element.spot)
        digest.update(repr((element.id, element.tags, spot, element.nodes)).encode())
    assert digest.hexdigest() == "9e72faa7e7c312aad052be3d718ec4bc5c818ec0414eaa76d919deda20f46092"


@pytest.mark.whole
@pytest.mark.parametrize("seed", [2, 33])
def test_every_seed_gives_a_proper_neighbourhood(seed: int, tmp_path: Path) -> None:
    neighbourhood.make(seed, tmp_path / "n.osm.pbf")
    extract = osm.read(tmp_path / "n.osm.pbf")
    built = build(extract)
    assert built.connected_nodes == built.road_nodes
    assert 400 <= len(extract.addresses) <= 1000
    assert len({(row.street, row.number) for row in extract.addresses}) == len(extract.addresses)
    kinds = [site.kind for site in extract.sites]
    assert (kinds.count("hub"), kinds.count("market")) == (2, 1)
    assert kinds.count("supplier") >= 5
    for site in extract.sites:
        built.graph.snap(site.lat, site.lon, max_m=150)
    for row in extract.addresses:
        snap = built.graph.snap(row.lat, row.lon, street=row.street)
        assert built.graph.names[int(built.graph.edges.name[snap.edge])] == row.street
        assert snap.distance_m < 30


@pytest.mark.whole
def test_made_neighbourhood_is_dutch_in_form(made: Path) -> None:
    extract = osm.read(made)
    ways = [way.tags for way in extract.ways]
    bridges = [tags for tags in ways if tags.get("bridge") == "yes"]
    assert sorted(drivable(tags) for tags in bridges) == [False, True, True]  # two for cars, one for bicycles
    assert any(tags.get("oneway") == "yes" for tags in ways)
    assert any(tags["highway"] == "living_street" for tags in ways)
    assert any(tags["highway"] == "cycleway" and not drivable(tags) for tags in ways)
    assert [tags["barrier"] for tags in extract.node_tags.values() if "barrier" in tags] == ["bollard"]
    assert any(shape.tags.get("water") == "canal" for shape in extract.shapes)
    postcodes = {row.postcode for row in extract.addresses}
    assert all(len(code) == 7 and code[:4].isdigit() and code[4] == " " for code in postcodes)


def test_made_map_carries_its_sites(map_dir: Path) -> None:
    info = atlas.read_info(map_dir)
    assert {site.kind for site in info.sites} == {"hub", "supplier", "market"}
    west, south, east, north = info.bounds
    assert all(south <= site.lat <= north and west <= site.lon <= east for site in info.sites)


# ---------------------------------------------------------------- what a map holds


def test_basemap_has_its_layers_and_attribution(map_dir: Path) -> None:
    with (map_dir / "basemap.pmtiles").open("rb") as file:
        reader = Reader(MmapSource(file))
        metadata = reader.metadata()
        header = reader.header()
    layers = {layer["id"]: set(layer["fields"]) for layer in metadata["vector_layers"]}
    assert set(layers) == set(basemap.LAYERS)
    assert {"class", "name", "oneway", "bridge", "closed"} <= layers["roads"]
    assert {"class", "number"} <= layers["buildings"]
    assert layers["housenumbers"] == {"number", "street"}
    assert (header["min_zoom"], header["max_zoom"]) == (basemap.MIN_ZOOM, basemap.MAX_ZOOM)
    assert metadata["attribution"] == "Verzonnen buurt"


def test_basemap_says_nothing_of_the_machine_it_was_made_on(map_dir: Path) -> None:
    with (map_dir / "basemap.pmtiles").open("rb") as file:
        text = json.dumps(Reader(MmapSource(file)).metadata())
    assert str(map_dir.parent) not in text


def test_addresses_are_found_by_street_and_number(map_dir: Path) -> None:
    addresses = Addresses.load(map_dir)
    row = next(iter(addresses))
    assert addresses.find(row.street.upper() + " ", f" {row.number}", row.postcode.replace(" ", "")) == row
    assert addresses.find(row.street, row.number) == row
    assert addresses.find(row.street, row.number, "1000 AA") is None
    assert addresses.find("Nergensstraat", "1") is None


def test_postcode_tells_streets_of_one_name_apart() -> None:
    one, two = Address("Kerkpad", "1", "7499 AA", 52.0, 6.0), Address("Kerkpad", "1", "7499 BB", 52.1, 6.1)
    assert Addresses([one, two]).find("Kerkpad", "1", "7499bb") == two


def test_damaged_addresses_name_the_line(tmp_path: Path) -> None:
    (tmp_path / "addresses.csv").write_text("street,number,postcode,lat,lon\nKerkpad,1,7499 AA,52.0,east\n")
    with pytest.raises(MapError, match="line 2"):
        Addresses.load(tmp_path)


# ---------------------------------------------------------------- refusals and the command


def broken(kind: str, village: bytes, path: Path) -> Path:
    content = {
        "words": b"this is a letter, not a map",
        "empty": b"",
        "half": village[: len(village) // 2],
        "zeros": bytes(4096),
    }[kind]
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", ["words", "empty", "half", "zeros"])
def test_file_that_is_no_map_leaves_nothing_behind(
    kind: str, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = broken(kind, made.read_bytes(), tmp_path / "letter.osm.pbf")
    assert main(["import", str(source), "--name", "x", "--maps", str(tmp_path / "maps")]) == 2
    assert "letter.osm.pbf" in capsys.readouterr().err
    assert list((tmp_path / "maps").glob("*")) == []


TWICE = """<?xml version="1.0"?><osm version="0.6">
<node id="1" version="1" lat="52" lon="6"/><node id="1" version="2" lat="52" lon="6.1"/>
<way id="2" version="1"><nd ref="1"/><tag k="highway" v="residential"/></way></osm>"""
CHANGE = '<?xml version="1.0"?><osmChange version="0.6"><modify><node id="1" version="1"/></modify></osmChange>'
NO_ROAD = '<?xml version="1.0"?><osm version="0.6"><node id="1" version="1" lat="52" lon="6"/></osm>'


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("old.osm", TWICE, "node 1 comes twice"),
        ("old.osh", TWICE, "a history or change file"),
        ("day.osc", CHANGE, "a history or change file"),
        ("sea.osm", NO_ROAD, "holds no road"),
        ("map.osm", "<osm", "no readable OpenStreetMap file"),
        ("map.txt", NO_ROAD, "no readable OpenStreetMap file"),
    ],
)
def test_files_that_are_not_an_extract_are_refused_by_name(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(MapError, match=f"{name}: .*{words}"):
        osm.read(tmp_path / name)


def test_extract_without_addresses_is_imported_only_when_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_map(tmp_path / "bare.osm", "A B\nC D", ["AB highway=residential", "BDCA highway=residential"])
    words = ["import", str(source), "--name", "bare", "--maps", str(tmp_path / "maps")]
    assert main(words) == 2
    assert "holds no address" in capsys.readouterr().err
    assert main([*words, "--without-addresses", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["addresses"] == 0


def test_import_names_the_addresses_that_no_van_reaches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    doors = {"A": "addr:street=AB addr:housenumber=1", "D": "addr:street=CD addr:housenumber=2"}
    ways = ["AB highway=residential", "BA highway=service", "CD highway=residential access=private"]
    source = write_map(tmp_path / "two.osm", "A B . . C D", ways, nodes=doors)
    words = ["--name", "two", "--maps", str(tmp_path)]
    assert main(["import", str(source), *words]) == 0
    said = capsys.readouterr()
    assert "out of reach: CD 2: 400 m from a road for vans; the nearest road, CD (way 103), is closed" in said.out
    assert "1 of them out of reach" in said.err
    assert main(["info", "two", "--maps", str(tmp_path), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["unreachable"]
    assert (row["address"]["number"], row["distance_m"]) == ("2", 400)


def test_absent_file_and_bad_name_are_refused(
    made: Path, map_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(tmp_path / "no.osm.pbf"), "--name", "x", "--maps", str(tmp_path)]) == 2
    assert main(["import", str(made), "--name", "../x", "--maps", str(tmp_path)]) == 2
    capsys.readouterr()
    assert main(["info", "nowhere", "--maps", str(map_dir.parent)]) == 2
    assert f"no map 'nowhere' in {map_dir.parent}; there is {map_dir.name}" in capsys.readouterr().err


def test_failing_import_keeps_the_older_map(
    made: Path, map_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = tmp_path / "maps"
    (maps / "one").mkdir(parents=True)
    (maps / "one" / "map.json").write_text((map_dir / "map.json").read_text())

    def fail(*_: object, **__: object) -> None:
        raise MapError("tippecanoe ended with code 1: no space")

    monkeypatch.setattr(basemap, "draw", fail)
    with pytest.raises(MapError, match="no space"):
        atlas.import_map(made, "one", maps, replace=True)
    assert [path.name for path in maps.iterdir()] == ["one"]
    assert atlas.read_info(maps / "one").name == "one"


def test_taken_name_needs_replace(made: Path, map_dir: Path) -> None:
    arguments = ["import", str(made), "--name", "one", "--maps", str(map_dir.parent)]
    assert main(arguments) == 2
    assert main([*arguments, "--replace"]) == 0
    assert [path.name for path in map_dir.parent.iterdir()] == ["one"]


def test_command_answers_as_json(made: Path, map_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "one", "--maps", str(map_dir.parent), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["counts"]["addresses"] == len(Addresses.load(map_dir))
    assert main(["make", "--seed", "1", "--out", str(tmp_path / "m.osm.pbf"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == made.stat().st_size


def test_making_into_a_wrong_name_is_refused(tmp_path: Path) -> None:
    assert main(["make", "--out", str(tmp_path / "map.txt")]) == 2
    assert main(["make", "--out", str(tmp_path / "no" / "map.osm.pbf")]) == 2
    assert list(tmp_path.iterdir()) == []
