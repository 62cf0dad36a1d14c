"""Our log before the programs of others: litewitness cosigns it, Tessera's fsck finds it whole, over HTTP as well."""

import json
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from medrec import wiring
from medrec.core.checkpoint import Note, cosigner_keys, parse_note, render_note, verify_cosignatures
from medrec.core.witness import log_key, render_request
from medrec.demo.ports import free_ports
from medrec.engines.engine import EngineError
from medrec.node.peers.web import HttpWeb
from medrec.node.serve import Server
from medrec.node.witness.witness import follow_log, set_up
from medrec.node.witness.witness_door import DOOR_PATH
from medrec.node.witness.witness_keys import WitnessKeys
from medrec.node.witness.witnesses import WitnessPlace

from ..node.cosigners import grow
from ..node.world import World
from .foreign import FSCK, LITEWITNESS, LiteWitness, fsck
from .world import NETWORK, NORTH, Log, key_of


@pytest.fixture(scope="module", autouse=True)
def programs():
    """Built on first use: about a minute. A machine without a network skips, which CI does not accept."""
    try:
        LITEWITNESS.program()
        FSCK.program()
    except EngineError as error:
        pytest.skip(f"foreign witness and tile checker could not be built: {error.sentence}")


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path / "world")
    yield made
    for name in ("north", "south", "helper"):
        getattr(made, name).store.close()


def log_keys(world):
    origin = "medrec/" + world.network.hex()
    return [log_key(origin, bytes.fromhex(keys.public()["cosign_ed25519"])) for keys in world.keys.values()]


def node_of(world, name, folder, witnesses, web):
    return wiring.build_node(
        organisation=name,
        genesis=world.genesis,
        engine=world.engine,
        folder=folder,
        keys=world.keys[name],
        witnesses=witnesses,
        web=web,
        tiles=folder / "log",
    )


def test_two_witnesses_cosign_and_a_foreign_checker_finds_the_log_whole(world, tmp_path):
    lite_port, our_port, node_port = free_ports(3)
    origin = "medrec/" + world.network.hex()
    set_up(tmp_path / "ours", WitnessKeys.generate("library.example/medrec"))
    follow_log(tmp_path / "ours", origin, log_keys(world))
    ours = wiring.open_witness(tmp_path / "ours")
    lite = LiteWitness(tmp_path / "lite", lite_port, origin, log_keys(world))
    web = HttpWeb()
    places = [WitnessPlace(lite.url, lite.keys), WitnessPlace(f"http://127.0.0.1:{our_port}", ours.keys.public())]
    node = node_of(world, "north", tmp_path / "north", places, web)
    server = Server(
        [wiring.witness_site(ours, "127.0.0.1", our_port, None, None), wiring.site(node, "127.0.0.1", node_port)]
    )
    server.start()
    try:
        for size in (1, 2, 7, 256, 300, 520):
            grow(world.engine, world, size - world.engine.tip().log_size)
            note = node.checkpoints.make()
            trouble = node.checkpoints.witnesses.trouble
            assert len(verify_cosignatures(note, lite.keys)) == 1, trouble
            assert len(verify_cosignatures(note, ours.keys.public())) == 2, trouble
            assert lite.size() == ours.head(origin).size == size
            node.publish_log(note)
        # From the folder, and from the node's own door.
        for url in (f"file://{tmp_path}/north/log/", f"http://127.0.0.1:{node_port}/log/"):
            said = fsck(url, log_keys(world)[0], tmp_path)
            assert "Successfully fsck'd log with size 520" in said, said
    finally:
        server.stop()
        lite.close()
        ours.close()
        wiring.close_node(node)


def test_a_member_is_a_witness_over_http(world, tmp_path):
    """Whoever speaks C2SP gets a member's cosignature at its door, and its page on how far behind it is."""
    (port,) = free_ports(1)
    grow(world.engine, world, 3)
    node = node_of(world, "south", tmp_path / "south", [], None)
    server = Server([wiring.site(node, "127.0.0.1", port)])
    web = HttpWeb()
    server.start()
    try:
        text = node.checkpoints.of_tip(world.engine.tip()).text()
        note = render_note(Note(text, (world.keys["north"].sign_as_log(text),)))
        status, lines = web.post(f"http://127.0.0.1:{port}{DOOR_PATH}", render_request(0, [], note))
        assert status == 200, lines
        public = world.keys["south"].public()
        keys = cosigner_keys("south", *(bytes.fromhex(public[key]) for key in ("cosign_ed25519", "cosign_mldsa44")))
        assert len(verify_cosignatures(parse_note(text + b"\n" + lines), keys)) == 2
        assert web.post(f"http://127.0.0.1:{port}{DOOR_PATH}", render_request(0, [], note)) == (409, b"3\n")
        assert web.post(f"http://127.0.0.1:{port}{DOOR_PATH}", b"x" * 70_000)[0] == 413
        status, told = web.get(f"http://127.0.0.1:{port}/standing")
        assert status == 200 and json.loads(told)["sentence"] == "Up to date." and json.loads(told)["height"] == 3
    finally:
        web.close()
        server.stop()
        wiring.close_node(node)


def test_the_foreign_witness_refuses_what_ours_refuses(world, tmp_path):
    """The same requests to both: the same statuses."""
    origin = "medrec/" + NETWORK.hex()
    (port,) = free_ports(1)
    set_up(tmp_path / "ours", WitnessKeys.generate("library.example/medrec"))
    follow_log(tmp_path / "ours", origin, [key_of(NORTH)])
    ours = wiring.open_witness(tmp_path / "ours")
    lite = LiteWitness(tmp_path / "lite", port, origin, [key_of(NORTH)])
    web = HttpWeb()
    log, forged = Log(), Log(fork=4)
    stranger = type(NORTH).from_seed("mallory", b"m" * 32)
    requests = [
        b"nonsense",
        log.request(0, 7),
        log.request(3, 9),
        log.request(0, 9),
        forged.request(7, 9),
        render_request(7, [], log.note(9)),
        render_request(7, log.proof(7, 9), log.note(9, stranger)),
        render_request(9, [], log.note(8)),
        log.request(7, 7),
        log.request(7, 20),
        render_request(7, [], log.note(9).replace(origin.encode(), b"example.com/other")),
        log.request(20, 20),
    ]
    try:
        statuses = []
        for request in requests:
            theirs = web.post(f"{lite.url}/add-checkpoint", request)
            mine = ours.answer(request)
            statuses.append(mine.status)
            assert theirs[0] == mine.status, (request, theirs, mine)
            if mine.status == 409:
                assert theirs[1] == mine.body
        assert set(statuses) == {200, 400, 403, 404, 409, 422}
        assert lite.size() == ours.head(origin).size == 20
    finally:
        web.close()
        lite.close()
        ours.close()


def test_the_foreign_checker_finds_what_was_changed(world, tmp_path):
    node = node_of(world, "north", tmp_path / "north", [], None)
    grow(world.engine, world, 300)
    node.publish_log(node.checkpoints.make())
    folder = tmp_path / "north" / "log"
    url = f"file://{folder}/"
    assert "Successfully fsck'd log with size 300" in fsck(url, log_keys(world)[0], tmp_path)
    bundle = folder / "tile/entries/000"
    data = bundle.read_bytes()
    bundle.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    said = fsck(url, log_keys(world)[0], tmp_path)
    assert "fsck failed" in said and "Successfully" not in said
    bundle.write_bytes(data)
    assert "Successfully" in fsck(url, log_keys(world)[0], tmp_path)
    stranger = log_key("medrec/" + world.network.hex(), bytes(range(32)))
    assert "Successfully" not in fsck(url, stranger, tmp_path)
    wiring.close_node(node)


def test_a_plain_file_server_is_enough(world, tmp_path):
    node = node_of(world, "south", tmp_path / "south", [], None)
    grow(world.engine, world, 260)
    node.publish_log(node.checkpoints.make())
    folder = tmp_path / "south" / "log"

    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *arguments, **words):
            super().__init__(*arguments, directory=str(folder), **words)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        said = fsck(f"http://127.0.0.1:{server.server_port}/", log_keys(world)[1], tmp_path)
        assert "Successfully fsck'd log with size 260" in said, said
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)
        wiring.close_node(node)
