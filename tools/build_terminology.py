"""Make the terminology that ships from public-domain tables: usage: tools/build_terminology.py FOLDER

FOLDER holds rxnorm.ndjson.gz, rxnorm_ingredients.ndjson.gz, rxnorm_retired.csv, drug_class.csv.gz, cvx.csv,
icd10cm.csv.gz, and as their owners publish them icd10cm_order_*.txt (CMS), icd10c*tabular*.xml (CDC/NCHS) and
UNII_Names*.txt (FDA), for the names that diseases and substances have besides. Only names and codes of U.S. agencies
go in (see NOTICE); nothing of SNOMED CT or LOINC does. The same input gives the same bytes. ICD-10-CM is cut at five
characters and RxNorm to what can be prescribed, so neither is complete: a code that is not in the file is not thereby
unknown.
"""

import csv
import gzip
import json
import lzma
import sys
from pathlib import Path
from typing import Any

from medrec.core.records.official_names import settled
from medrec.core.records.terms import CVX, ICD10CM, UNII, cleaned
from medrec.node.terminology import tables, ucum
from medrec.node.terminology.strengths import ucum_unit, written_strengths

TARGET = Path(__file__).resolve().parent.parent / "src" / "medrec" / "node" / "terminology" / "shipped.json.xz"
BYTES_MAX = 1_500_000
CREDIT = (
    "This product uses publicly available data courtesy of the U.S. National Library of Medicine (NLM), National"
    " Institutes of Health, Department of Health and Human Services; NLM is not responsible for the product and does"
    " not endorse or recommend this or any other product. UNII and drug classes: U.S. FDA and VA; CVX: CDC; ICD-10-CM:"
    " CDC/NCHS and CMS. Codes and spelling of the FDA/VA classes: DrugCentral, drugcentral.org (CC BY 4.0)."
)
RELEASE = (
    "RxNorm current prescribable content of October 2025; ICD-10-CM FY2026, inclusion terms of April 2026; CVX of"
    " December 2025; UNII names"
)
UNIT_CODES = """
kg g mg ug ng pg L dL mL uL fL m cm mm um m2 cm2 a mo wk d h min s mol mmol umol nmol pmol meq eq kcal cal J kJ
% mg/dL g/dL g/L mg/L ug/L ng/mL ng/L pg/mL ug/mL mg/mL mg/mg g/g mg/g ug/mg mmol/L umol/L nmol/L pmol/L meq/L
mmol/mol mol/L [iU] [iU]/L [iU]/mL m[iU]/L m[iU]/mL u[iU]/mL U U/L kU/L U/mL mU/L 10*3/uL 10*6/uL 10*9/L
10*12/L /uL /mL /min /d mm[Hg] cm[H2O] kPa Pa bar mm/h mL/min mL/h L/min mL/min/{1.73_m2} kg/m2 g/m2 mg/m2
mg/kg ug/kg mg/kg/d ug/kg/min [lb_av] [oz_av] [in_i] [ft_i] [degF] Cel [pt_us] [foz_us] [tsp_us] [tbs_us]
[cup_us] mosm/kg mosm/L Hz dB W V mV {score} {count} {tbl} {actuat} 1 ms ug/min ug/h mg/h g/d mg/d mg/{actuat}
ug/{actuat} [iU]/d [iU]/h [iU]/kg mL/kg
"""


def rows_of_rxnorm(folder: Path) -> list[list[Any]]:
    """Drugs as rows of terms.Drug: what may be prescribed, its ingredients and brands, and what is retired."""
    kept: dict[str, list[Any]] = {}
    others: list[dict[str, Any]] = []
    with gzip.open(folder / "rxnorm.ndjson.gz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            if not row["ingredients"]:
                continue
            if row["tty"] != "IN" and row["status"] in ("current", "unverified"):
                kept[row["rxcui"]] = drug(row)
            else:
                others.append(row)
    retired = list(csv.DictReader((folder / "rxnorm_retired.csv").open(encoding="utf-8")))
    for entry in retired:
        ingredients = sorted(entry["ingredients"].split(";")) if entry["ingredients"] else []
        if ingredients and entry["rxcui"] not in kept:
            strengths = written_strengths(entry["strengths"], ingredients)
            kept[entry["rxcui"]] = [
                entry["rxcui"], entry["tty"], entry["name"], ingredients, strengths, entry["dose_form"], "",
                entry["brand"], "", True,
            ]  # fmt: skip
    for row in others:
        # Ingredients that nobody sells any more are named by old records and by allergies.
        if row["tty"] == "IN":
            kept[row["rxcui"]] = drug(row)
    return [kept[code] for code in sorted(kept, key=int)]


def drug(row: dict[str, Any]) -> list[Any]:
    """One concept of rxnorm.ndjson as a row of terms.Drug, trailing defaults left out."""
    strengths = [[s["ingredient"], s["value"], ucum_unit(s["unit"])] for s in row.get("strengths", [])]
    made = [
        row["rxcui"], row["tty"], row["name"], sorted(row["ingredients"]), sorted(strengths),
        row.get("dose_form", ""), row.get("quantity", ""), row.get("brand", ""), row.get("scd", ""),
    ]  # fmt: skip
    while made[-1] in ("", []):
        made.pop()
    return made


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a gzipped CSV."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def classes(folder: Path) -> list[list[Any]]:
    """(ingredient, [code, name, kind, purpose]) of FDA's classes and our groups."""
    found = []
    for row in table(folder / "drug_class.csv.gz"):
        purpose = row["source"].removeprefix("hand:").replace(",", ";") if row["source"].startswith("hand:") else ""
        code = row["class_code"] or row["class_name"]
        found.append([row["ingredient_rxcui"], [code, row["class_name"], row["kind"], purpose]])
    return sorted(found)


def concepts(folder: Path) -> list[list[Any]]:
    """Vaccines, and diagnoses of up to five characters."""
    found: list[list[Any]] = []
    with (folder / "cvx.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.append([CVX, row["cvx"], row["short"], row["status"] not in ("Active", "Pending")])
    for row in table(folder / "icd10cm.csv.gz"):
        if len(row["code"]) <= 5:
            found.append([ICD10CM, row["code"], row["description"], "deleted" in row["release"].lower()])
    return sorted(found)


def uniis(folder: Path, known: set[str]) -> list[list[str]]:
    """(system, UNII, RxNorm code) of ingredients and their salts."""
    found: dict[str, str] = {}
    with gzip.open(folder / "rxnorm_ingredients.ndjson.gz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            for entry in (row, *row["pins"]):
                code = entry["rxcui"] if entry["rxcui"] in known else row["rxcui"]
                # Of two ingredients with one UNII the one that can be prescribed is meant.
                if entry.get("unii") and code in known and (row["status"] == "current" or entry["unii"] not in found):
                    found[entry["unii"]] = code
    return [[UNII, code, found[code]] for code in sorted(found)]


def names(found: dict[str, str], drugs: list[list[Any]], same: list[list[str]]) -> list[tuple[str, str]]:
    """(another name, RxNorm code): FDA's common and official names, which RxNorm has not, of what products hold."""
    had = {cleaned(row[2]) for row in drugs}
    held = {code for row in drugs if row[1] in ("SCD", "SBD") for code in row[3]}
    sold = {row[0] for row in drugs if held.issuperset(row[3])}
    of = {code: drug for _, code, drug in same if drug in sold}
    return [(name, of[code]) for name, code in found.items() if code in of and name not in had]


def problems(folder: Path) -> list[tuple[str, str]]:
    """(key, code): titles, short titles and inclusion terms of the diseases of ICD-10-CM."""
    rows = [
        *tables.icd10cm(next(folder.glob("icd10cm_order_*.txt"))),
        *tables.icd10cm_tabular(next(folder.glob("icd10c*tabular*.xml"))),
    ]
    return list(
        settled((row.code, row.title, row.above, name) for row in rows for name in (row.title, *row.names)).items()
    )


def main() -> None:
    """Build and write the file."""
    folder = Path(sys.argv[1])
    drugs = rows_of_rxnorm(folder)
    known = {row[0] for row in drugs}
    same = uniis(folder, known)
    called = tables.unii_names(next(folder.glob("UNII_Names*.txt")))
    units = [unit for code in UNIT_CODES.split() if (unit := ucum.unit(code)) is not None]
    content = {
        "credit": CREDIT,
        "release": RELEASE,
        "drugs": drugs,
        "classes": classes(folder),
        "concepts": concepts(folder),
        "same": same,
        "names": names(called.drugs, drugs, same),
        "foods": list(called.eaten.items()),
        "problems": problems(folder),
        "units": [[unit.code, unit.dimension, unit.numerator, unit.denominator] for unit in units],
        "complete": [CVX],
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    data = lzma.compress(text, preset=9 | lzma.PRESET_EXTREME)
    if len(data) > BYTES_MAX:
        sys.exit(f"The file would have {len(data)} bytes; at most {BYTES_MAX} may ship.")
    TARGET.write_bytes(data)
    print(f"{TARGET.name}: {len(drugs)} drugs, {len(content['concepts'])} concepts, {len(data)} bytes")


if __name__ == "__main__":
    main()
