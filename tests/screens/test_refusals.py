"""What is refused has words for people: every reason that stands in the code, and what an empty field leaves behind."""

import ast
import json
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

import hatch_build
from edge_gateway.contract import messages
from edge_gateway.errors import fault_of
from hub_backend.intake.envelope import refusal_of
from hub_backend.rejects import COUNTED
from tests.conftest import ROOT

pytestmark = pytest.mark.whole

LIB = ROOT / hatch_build.SCREENS / "src/lib"
TEXTS = json.loads((LIB / "texts.json").read_text())
FOLDERS = ("edge_gateway", "hub_backend/intake", "hub_backend/projections", "firmware")

READ = """
import { readFileSync } from "node:fs";
const given = JSON.parse(readFileSync(0, "utf8"));
"""


class Mouth(NamedTuple):
    """Which arguments of a call are the field and the reason; a field that is no argument is a word of its own."""

    field: int | str
    reason: int


MOUTHS = {
    "rejects.add": Mouth(1, 2),
    "_rejects.add": Mouth(1, 2),
    "_refuse": Mouth(0, 1),
    "_trouble": Mouth(0, 1),
    "_refusal": Mouth("request", 1),
    "_pass_over": Mouth("code", 1),
    "_set_aside": Mouth(3, 4),
    "Refusal": Mouth(1, 2),
    "RefusedError": Mouth(0, 1),
    "CannotTakeError": Mouth(0, 1),
    "InvalidEventError": Mouth(0, 1),
    "ReadingError": Mouth(0, 1),
    "RefusedCodeError": Mouth("code", 0),
    "SealError": Mouth("payload", 0),
}


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(chain.from_iterable((ROOT / folder).rglob("*.py") for folder in FOLDERS)):
        yield path, ast.parse(path.read_text())


def mouth_of(call: ast.Call) -> Mouth | None:
    name = ast.unparse(call.func).removeprefix("self.")
    return MOUTHS.get(name) or MOUTHS.get(name.rpartition(".")[2])


def texts_of(node: ast.expr, names: Mapping[str, Sequence[ast.expr]]) -> list[str]:
    """What an expression can say, with an N for each value that is known only later; nothing when it is another's."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return ["".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in parts)]
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod()):
            return [text.replace("%d", "7")]
        case ast.IfExp(body=one, orelse=other):
            return [*texts_of(one, names), *texts_of(other, names)]
        case ast.Name(id=name) if name in names:
            return [text for value in names[name] for text in texts_of(value, {})]
    return []


def named(tree: ast.AST) -> Mapping[str, Sequence[ast.expr]]:
    """What is ever given a name here."""
    found: defaultdict[str, list[ast.expr]] = defaultdict(list)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                found[ast.unparse(target)].append(node.value)
    return found


def reasons() -> Iterator[tuple[str, str, str]]:
    """Where, field and reason of every refusal that the code can utter in its own words."""
    for path, tree in sources():
        names = named(tree)
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            mouth = mouth_of(call)
            if mouth is None or len(call.args) <= mouth.reason:
                continue
            fields = [mouth.field] if isinstance(mouth.field, str) else texts_of(call.args[mouth.field], names)
            for reason in texts_of(call.args[mouth.reason], names):
                yield f"{path.relative_to(ROOT)}:{call.lineno}", (fields or [""])[0], reason


BROKEN = (
    *(b"", b"{", b"[]", b"{}", b'{"kind":"lid"}', b'{"kind":"cake"}', b"\xff\xfe", b'{"kind":7}'),
    b'{"kind":"lid","source":"Van 1","boot":1,"seq":1,"t_s":1.7e9,"open":true}',
    b'{"kind":"lid","source":"van-1","boot":-1,"seq":1,"t_s":1.7e9,"open":true}',
    b'{"kind":"lid","source":"van-1","boot":1,"seq":1,"t_s":"now","open":true}',
    b'{"kind":"scan","source":"van-1","boot":1,"seq":1,"t_s":1.7e9,"code":"","purpose":"load","result":"right"}',
    b'{"kind":"scan","source":"van-1","boot":1,"seq":1,"t_s":1.7e9,"code":"x","purpose":"steal","result":"right"}',
)


def of_the_contract() -> Iterator[tuple[str, str, str]]:
    """What a message that breaks the contract is told, by the gateway and by the hub."""
    for broken in BROKEN:
        try:
            messages.decode_event.decode(broken)
        except msgspec.DecodeError as error:
            refused = refusal_of(error)
            yield (repr(broken), *fault_of(error))
            yield repr(broken), refused.field, refused.reason


def run_in_node(script: str, given: object) -> Any:
    """What a script of ours answers to `given`; Node reads TypeScript as it is."""
    done = subprocess.run(
        [str(hatch_build._node()), "--no-warnings", "--input-type=module", "-e", READ + script],
        cwd=LIB,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_every_reason_that_the_code_can_give_has_words_for_people() -> None:
    said = [*reasons(), *of_the_contract(), *(("rejects", "step", reason) for reason in COUNTED)]
    assert len(said) > 70, "the calls that refuse are not found any more"
    meanings = run_in_node(
        """
        import { meaningOf } from "./meanings.ts";
        console.log(JSON.stringify(given.map(([, field, reason]) => meaningOf(field, reason))));
        """,
        said,
    )
    assert [one for one, name in zip(said, meanings, strict=True) if name == "other"] == []
    assert {f"refusal.{name}" for name in meanings} - set(TEXTS) == set()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("no such page: /api/orders/x/y", "no such page: /api/orders/x/y"),
        ('{"detail":"Not Found"}', "Not Found"),
        ('{"detail":"van: unknown van \'x\'"}', "van: unknown van 'x'"),
        ('{"detail":[{"loc":["body","km"],"msg":"too far"}]}', "km: too far"),
        ('{"detail":[{"loc":["body"],"msg":"no JSON"}]}', "no JSON"),
        ('{"accepted":[],"rejected":[{"index":0,"field":"to_s","reason":"in the past"}]}', "to_s: in the past"),
        ("", ""),
    ],
)
def test_what_a_server_says_is_told_without_an_empty_field(answer: str, told: str) -> None:
    script = """
        import { faultsIn, said } from "./ask.ts";
        console.log(JSON.stringify(faultsIn(given).map(said).join("; ")));
        """
    assert run_in_node(script, answer) == told
