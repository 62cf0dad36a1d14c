"""The command line: one function per verb; each does its work in the room that owns it."""

import os
import sys

import typer
from rich.console import Console

from medrec.cli import demo, erase, network, node, proofs, renew, staff, terminology, weights, witness
from medrec.cli.stop import Stop
from medrec.core.genesis import GenesisError
from medrec.engines.engine import EngineError
from medrec.node.keeping.keys import KeyFileError
from medrec.node.keeping.store import StoreError
from medrec.node.ledger.anchor import AnchorError
from medrec.node.ledger.together import ApartError
from medrec.node.operate import OperateError
from medrec.node.right_person.estimating import EstimateError
from medrec.node.serve import ServeError
from medrec.node.settings import SettingsError
from medrec.node.sources.source import SourceUnavailable
from medrec.node.terminology.index import TerminologyError

app = typer.Typer(
    name="medrec",
    help="MedRec: a patient-controlled, decentralised ledger for health records.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

VERBS = (
    demo.demo,
    node.init,
    node.start,
    node.ingest,
    node.status,
    staff.staff,
    erase.erase,
    proofs.receipt,
    proofs.export,
    proofs.check,
    witness.witness,
    witness.tiles,
    renew.renew,
    renew.verify,
    terminology.terminology,
    weights.weights,
    *network.VERBS,
)
for verb in VERBS:
    app.command()(verb)


def main() -> None:
    """Run a verb; what can go wrong outside ends in one sentence with a code."""
    try:
        app()
    except (EngineError, StoreError, OperateError, ApartError, TerminologyError, EstimateError) as error:
        _end(error.code, error.sentence)
    except Stop as error:
        _end(error.code, error.sentence, error.status)
    except SourceUnavailable as error:
        _end("source-unavailable", str(error))
    except KeyFileError as error:
        _end("key-file", str(error))
    except SettingsError as error:
        _end("settings", str(error))
    except GenesisError as error:
        _end("genesis", str(error))
    except ServeError as error:
        _end("serve", str(error))
    except AnchorError as error:
        _end(error.code.name.lower().replace("_", "-"), error.sentence)
    except OSError as error:
        _end("file", f"{error.filename or 'A file'} cannot be used: {error.strerror or type(error).__name__}.")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        # Its message may quote a record: it stays inside unless a developer asks.
        if os.environ.get("MEDREC_TRACE"):
            raise
        name = type(error).__name__
        _end("fault", f"MedRec has a fault here ({name}); nothing half done was kept. Set MEDREC_TRACE=1 to see where.")


def _end(code: str, sentence: str, status: int = 2) -> None:
    Console(stderr=True, soft_wrap=True).print(f"{code}: {sentence}", highlight=False, markup=False)
    sys.exit(status)
