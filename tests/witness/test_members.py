"""Witnesses and published logs across changes of members: newcomers are taken, those who left are not."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from medrec.core import codec
from medrec.core.checkpoint import verify_cosignatures
from medrec.core.root import read_root
from medrec.core.root import root_file as render_root
from medrec.core.witness import render_request
from medrec.node.ledger import govern
from medrec.node.ledger.checkpoints import Checkpoints
from medrec.node.ledger.receipts import root_file
from medrec.node.ledger.tiles import Tiles, TilesError, check_tiles
from medrec.node.node import Node
from medrec.node.witness.witness import Witness, WitnessError, follow_root, read_logs, set_up
from medrec.node.witness.witness_app import witness_app
from medrec.node.witness.witness_keys import WitnessKeys
from medrec.node.witness.witness_roots import log_keys
from medrec.node.witness.witnesses import WitnessPlace

from ..node.cosigners import grow
from ..node.members_world import Net
from .world import LocalWeb

URL = "https://library.example"


@pytest.fixture
def net(tmp_path):
    made = Net(tmp_path, ("north", "south", "east", "west"))
    yield made
    made.close()


@pytest.fixture
def web():
    return LocalWeb()


@pytest.fixture
def folder(net, tmp_path):
    made = tmp_path / "witness"
    set_up(made, WitnessKeys.from_seed("library.example/medrec", b"w" * 32))
    follow_root(made, root_file(net["north"]))
    return made


@pytest.fixture
def witness(net, web, folder):
    made = Witness(WitnessKeys.load(folder), folder, read_logs(folder), net.clock)
    web.join(URL, made)
    yield made
    made.close()


def asking(net: Net, web: LocalWeb, witness: Witness, name: str) -> Any:
    """A member's node that asks the witness, too."""
    node = net[name]
    node.checkpoints = Checkpoints(node, [WitnessPlace(URL, witness.keys.public())], web)
    return node


def signs(witness: Witness, node: Any) -> bool:
    """Whether the witness signs the head that the node brings now."""
    return len(verify_cosignatures(node.checkpoints.make(urgent=True), witness.keys.public())) == 2


def request(net: Net, name: str) -> bytes:
    """What anybody can send a new witness: the present head, signed as the log by an organisation."""
    node = net[name]
    text = node.checkpoints.of_tip(net.engine.tip()).text()
    line = net.keys[name].sign_as_log(text)
    return render_request(0, [], text + b"\n" + b"".join(_rendered([line])))


def _rendered(lines: Any) -> Any:
    from medrec.core.checkpoint import render_signature

    return map(render_signature, lines)


def test_a_witness_is_told_of_a_new_member_and_takes_its_heads(net, web, witness):
    net.admit("fifth")
    assert witness.answer(request(net, "fifth")).status == 403  # as long as nobody has told it
    node = asking(net, web, witness, "fifth")
    assert signs(witness, node)
    assert len(witness.logs["medrec/" + net.network.hex()]) == 5 and "5 keys are trusted" in witness.card()
    told = web.asked.count(f"{URL}/root")
    grow(net.engine, net)
    assert signs(witness, node) and web.asked.count(f"{URL}/root") == told == 1


def test_who_left_is_no_longer_trusted(net, web, witness):
    net.admit("fifth")
    govern.leave(net["west"])
    net.keep_up()
    assert witness.answer(request(net, "west")).status == 200  # a witness that nobody told trusts the founders
    grow(net.engine, net)
    assert signs(witness, asking(net, web, witness, "north"))
    assert witness.answer(request(net, "west")).status == 403


def test_a_witness_remembers_and_takes_no_older_and_no_other_chain(net, web, witness, folder):
    old = root_file(net["north"])
    net.admit("fifth")
    new = root_file(net["north"])
    assert (witness.take_root(new).status, witness.take_root(new).status) == (200, 200)
    # An older one changes nothing, also from the keeper's hand.
    assert witness.take_root(old).status == 200
    follow_root(folder, old)
    assert len(read_logs(folder)["medrec/" + net.network.hex()]) == 5
    # Too few signed; not a root file; a network that is not followed.
    short = json.loads(new)
    short["changes"][0]["lines"] = short["changes"][0]["lines"][:2]
    assert witness.take_root(codec.encode_json(short)).status == 400
    assert witness.take_root(b"{}").status == 400
    other = render_root({**net.genesis, "name": "another"})
    assert witness.take_root(other).status == 404
    # Another history of the members, signed by a quorum of the founders.
    fork = Net(net.folder / "fork", ("north", "south", "east", "west"))
    try:
        assert fork.network == net.network
        grow(fork.engine, fork)
        fork.admit("sixth")
        assert witness.take_root(root_file(fork["north"])).status == 409
        with pytest.raises(WitnessError) as refused:
            follow_root(folder, root_file(fork["north"]))
        assert refused.value.code == "other-chain"
    finally:
        fork.close()
    witness.close()
    again = Witness(WitnessKeys.load(folder), folder, read_logs(folder), net.clock)
    try:
        assert again.answer(request(net, "fifth")).status == 200
    finally:
        again.close()


def test_the_door_for_root_files(net, witness):
    net.admit("fifth")
    with TestClient(witness_app(witness)) as client:
        answer = client.post("/root", content=root_file(net["north"]))
        newest = read_root(root_file(net["north"])).sets[-1][0]
        assert (answer.status_code, answer.text) == (200, f"{newest}\n")
        assert client.post("/root", content=b"x" * (1 << 20 | 1)).status_code == 413
        assert client.post("/root", content=b"x").status_code == 400


def test_a_witness_of_another_make_is_told_once_and_asked_all_the_same(net, web, witness):
    net.admit("fifth")
    del web.answers[f"{URL}/root"]
    node = asking(net, web, witness, "north")
    post = web.post
    web.post = lambda url, body: (404, b"") if url.endswith("/root") else post(url, body)
    assert signs(witness, node)


def test_the_log_published_by_a_member_that_joined_is_whole_under_the_new_root(net, tmp_path):
    old = read_root(root_file(net["north"]))
    net.admit("fifth")
    node = net["fifth"]
    node.tiles = Tiles(tmp_path / "www", net.engine, net.network)
    Node.publish_log(node, node.checkpoints.make(urgent=True))

    def fetch(path: str) -> bytes | None:
        place = tmp_path / "www" / path
        return place.read_bytes() if place.exists() else None

    new = read_root(root_file(node))
    assert check_tiles(fetch, lambda size: log_keys(new, size)).size == net.engine.tip().log_size
    with pytest.raises(TilesError) as refused:
        check_tiles(fetch, lambda size: log_keys(old, size))
    assert refused.value.code == "bad-signature" and "newer root" in refused.value.sentence
