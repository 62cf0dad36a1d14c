"""The codes in files of labelling rules: which rules a code meets, and of which systems they know every code."""

import re
from collections.abc import Collection, Sequence

from medrec.core.consent.harmless import is_harmless
from medrec.core.consent.label_rules import LabelFile, LabelRule
from medrec.core.consent.systems import ICD9, ICD10, ICD10_NATIONAL, code_of, system_name, system_of, token
from medrec.core.records.terms import CVX, ICD10CM, LOINC, NDC, RXNORM, SNOMED, UNII, Terms, ndc11

DRUGS = (RXNORM, NDC, UNII)
_WHOLE_ICD = (ICD10CM, ICD10)
_ICD10 = (*_WHOLE_ICD, *ICD10_NATIONAL)
_ICD10_CODE = re.compile(r"[A-Z][0-9][0-9A-Z]{1,5}\Z")
_ICD9_DIAGNOSIS = re.compile(r"([0-9]{3}(\.[0-9]{1,2}|[0-9]{2})?|V[0-9]{2}(\.?[0-9]{1,2})?|E[0-9]{3}(\.?[0-9])?)\Z")
"""A code of ICD-9-CM that is surely a diagnosis: four digits without a dot may be a procedure."""
_ICD9_PROCEDURE = re.compile(r"[0-9]{2}\.[0-9]{1,2}\Z")


class Codes:
    """The codes of rules, whose numbers go on from file to file. `terms` tells the ingredients of medicines, and which
    codes ICD-10-CM has."""

    def __init__(self, files: Sequence[LabelFile], terms: Terms | None) -> None:
        self._rules = tuple(rule for file in files for rule in file.rules)
        self._terms = terms
        self._tokens: dict[str, list[int]] = {}
        self._begins: dict[str, dict[str, list[int]]] = {}
        for number, rule in enumerate(self._rules):
            self._index(number, rule)
        first = 0
        for file in files:
            numbers = {rule.id: first + at for at, rule in enumerate(file.rules)}
            for system, listed in ((NDC, file.products), (ICD10CM, file.titles)):
                for rule_id, codes in listed.items():
                    self._begin(system, " ".join(codes).split(), numbers[rule_id])
            first += len(file.rules)

    def _index(self, number: int, rule: LabelRule) -> None:
        for system, codes in ((ICD10CM, rule.icd10), *rule.begins.items()):
            self._begin(system_name(system), [code_of(token(system, code)).upper() for code in codes], number)
        for system, listed in ((RXNORM, rule.ingredients), (LOINC, rule.loinc), (SNOMED, rule.snomed)):
            for code in listed:
                self._tokens.setdefault(token(system, code), []).append(number)
        for one in rule.codes:
            self._tokens.setdefault(token(system_of(one), code_of(one)), []).append(number)

    def _begin(self, system: str, codes: Sequence[str], number: int) -> None:
        begins = self._begins.setdefault(system, {})
        for code in codes:
            begins.setdefault(code, []).append(number)

    def met(self, system: str, code: str) -> tuple[int, ...]:
        """The rules that a code meets."""
        one, written = token(system, code), code
        system, code = system_of(one), code_of(one)
        found = [*self._tokens.get(one, ())]
        begins = self._begins.get(ICD10CM if system in _ICD10 else system)
        if begins is not None and not (system == ICD9 and _ICD9_PROCEDURE.match(written.strip())):
            # Ten digits without hyphens may stand for three products: each of them counts.
            forms = ndc11(code) if system == NDC else (code.upper(),)
            found += [n for form in forms for end in range(1, len(form) + 1) for n in begins.get(form[:end], ())]
        if system in DRUGS:
            drug = self._terms.drug(system, code) if self._terms is not None else None
            found += self.of_ingredients(drug.ingredients if drug is not None else (code,) if system == RXNORM else ())
        return tuple(found)

    def of_ingredients(self, ingredients: Collection[str]) -> list[int]:
        """The rules that the ingredients of one product meet together."""
        found = [number for one in ingredients for number in self._tokens.get(token(RXNORM, one), ())]
        return [number for number in found if self._rules[number].not_with.keys().isdisjoint(ingredients)]

    def knows_whole(self, system: str, code: str) -> bool:
        """Whether the rules can say of every code of this system that it is not sensitive, and know this one."""
        one, written = token(system, code), code
        system, code = system_of(one), code_of(one)
        if system in _WHOLE_ICD:
            known = bool(self.met(system, code)) or self._is_of_icd10cm(code, system == ICD10)
            return known and bool(_ICD10_CODE.match(code))
        if system == ICD9:
            return bool(_ICD9_DIAGNOSIS.match(written.strip().upper()))
        if system == CVX or is_harmless(system, code):
            return True
        return system in DRUGS and self._terms is not None and self._terms.drug(system, code) is not None

    def _is_of_icd10cm(self, code: str, surely: bool) -> bool:
        """Whether a code, up to the first sign after its dot, is one of ICD-10-CM, whose titles were read. The edition
        of WHO has others (`surely`: the table has to have it), and they stand under the name of ICD-10-CM as well."""
        short = f"{code[:3]}.{code[3]}" if len(code) > 3 else code
        known = self._terms.validity(ICD10CM, short) if self._terms is not None else "no-table"
        return known in ("valid", "retired") or (known == "no-table" and not surely)
