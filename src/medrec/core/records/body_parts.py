"""Words for parts of the body, and codes of SNOMED CT for some of them: what tells one place from another.

A part brings those that it lies in: an ankle is of the leg, so "leg" says no more than a half of "ankle". Two places
are of one problem only where one of them holds the other. The words are our own (English, Spanish, Arabic). The codes
are those of public lists: the locations of findings in IHE's Paramedicine Care Summary, a map of body parts of imaging
orders that names each with both sides, ACC's body sites, HL7 Europe's example of a BodyStructure (FHIR packages).
"""

import re
from functools import lru_cache

# The part, what it lies in, and words for it. Of a word with "s" behind it the same is said.
_OUTSIDE = """
arm: arm, upper limb, upper extremity, brazo, miembro superior, extremidad superior, ذراع
shoulder, arm: shoulder, rotator cuff, clavicle, collarbone, scapula, hombro, clavicula, clavícula, كتف
upper arm, arm: upper arm, humerus, humero, húmero, عضد
elbow, arm: elbow, olecranon, codo, مرفق, كوع
forearm, arm: forearm, radius, ulna, antebrazo, ساعد
wrist, arm: wrist, distal radius, colles, scaphoid, muñeca, رسغ, معصم
hand, arm: hand, metacarpal, metacarpus, palm, mano, يد
finger, hand, arm: finger, dedo de la mano, إصبع
thumb, finger, hand, arm: thumb, pulgar, إبهام
leg: leg, lower limb, lower extremity, pierna, miembro inferior, extremidad inferior, ساق
hip, leg: hip, femoral neck, neck of femur, neck of left femur, neck of right femur, acetabulum, cadera, ورك
thigh, leg: thigh, femur, muslo, femoral shaft, shaft of femur, فخذ
knee, leg: knee, patella, kneecap, meniscus, rodilla, rotula, rótula, ركبة
lower leg, leg: lower leg
calf, lower leg, leg: calf, calves, pantorrilla
shin, lower leg, leg: shin, tibia, fibula
ankle, leg: ankle, malleolus, malleoli, bimalleolar, trimalleolar, tobillo, كاحل
foot, leg: foot, feet, metatarsal, metatarsus, pie, قدم
heel, foot, leg: heel, calcaneus, calcaneum, talon, talón, كعب
toe, foot, leg: toe, dedo del pie
great toe, toe, foot, leg: great toe, big toe, hallux
head: head, skull, scalp, cabeza, cráneo, craneo, cuero cabelludo, رأس
face, head: face, facial, cara, وجه
forehead, face, head: forehead, frente
cheek, face, head: cheek, mejilla
nose, face, head: nose, nariz, أنف
lip, face, head: lip, labio
chin, face, head: chin
jaw, face, head: jaw, mandible, maxilla, mandibula, mandíbula
ear, head: ear, oreja, oido, oído, أذن
eye, head: eye, ojo, عين
eyelid, eye, head: eyelid, parpado, párpado
neck: neck, cuello, cervical spine, cervical vertebra, رقبة
chest, trunk: chest, thorax, rib, sternum, torax, tórax, pecho, costilla, صدر
breast, chest, trunk: breast, mama, ثدي
abdomen, trunk: abdomen, abdominal wall, بطن
back, trunk: back, espalda, dorso, ظهر
lower back, back, trunk: lower back, low back, lumbar, lumbosacral, espalda baja
upper back, back, trunk: upper back, thoracic spine, thoracic vertebra
pelvis, trunk: pelvis, sacrum, coccyx
groin, trunk: groin, inguinal, ingle
buttock, trunk: buttock, gluteal, nalga
axilla, trunk: axilla, armpit, axila
trunk: trunk, torso, tronco
"""
# Organs and what tells parts of one part apart: read where a record says a place as such, and not in names of problems.
_INSIDE = """
lung: lung, pulmonary, pulmon, pulmón, رئة
heart: heart, cardiac, corazon, corazón, قلب
brain: brain, cerebral, cerebro
liver: liver, hepatic, higado, hígado
kidney: kidney, renal, riñon, riñón, كلية
bladder: bladder, vejiga
prostate: prostate, próstata, prostata
uterus: uterus, uterine
ovary: ovary, ovaries, ovario
testis: testis, testicle, testes
esophagus: esophagus, oesophagus, esofago, esófago
stomach: stomach, gastric, estomago, estómago
bowel: bowel, intestine
colon, bowel: colon, large intestine
rectum, bowel: rectum
pancreas: pancreas
spleen: spleen
gallbladder: gallbladder
thyroid: thyroid, tiroides
mouth: mouth, oral cavity, boca
tongue, mouth: tongue, lengua
throat: throat, pharynx, garganta
spine: spine, vertebra, vertebral column
skin: skin, piel
tooth: tooth, teeth, molar, diente
artery: artery
vein: vein
upper: upper, superior
lower: lower, inferior
inner: inner, medial
outer: outer, lateral
front: anterior
rear: posterior
near: proximal
far: distal
first: first
second: second, index
third: third, middle
fourth: fourth, ring
fifth: fifth, little
"""
SNOMED_PARTS = {
    code: line.partition(":")[0]
    for line in """
left knee: 82169009
right knee: 6757004
knee: 72696002
left hip: 287679003
right hip: 287579007
hip: 29836001
left ankle: 51636004
right ankle: 6685009
left wrist: 5951000
right wrist: 9736006
left shoulder: 91775009
right shoulder: 91774008
shoulder: 16982005
left upper arm: 368208006 72098002
right upper arm: 368209003 59126009
left elbow: 368148009
right elbow: 368149001
elbow: 16953009
left forearm: 66480008
right forearm: 64262003
left hand: 85151006 368456002
right hand: 368455003
left index finger: 770841009
right index finger: 770842002
left middle finger: 770884005
right middle finger: 770885006
left ring finger: 770882009
right ring finger: 770883004
left little finger: 762101005
right little finger: 762102003
left thumb: 734143007
right thumb: 734144001
left lower leg: 48979004
right lower leg: 32696007
left thigh: 61396006
right thigh: 11207009
left great toe: 723724004
right great toe: 723730004
left leg: 362785004
right leg: 362784000
left foot: 239919000
right foot: 239830003
left eye: 8966001
right eye: 18944008
left lung: 44029006
right lung: 3341006
left chest: 40768004
right chest: 51872008
lower back: 37822005
ankle: 344001
wrist: 8205005
head: 69536005
""".strip().splitlines()
    for code in line.partition(":")[2].split()
}
"""SNOMED CT code of a body structure -> what it is in words."""


def _table(lines: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in lines.strip().splitlines():
        parts, _, called = line.partition(":")
        held = tuple(part.strip() for part in parts.split(","))
        found |= dict.fromkeys((word.strip() for word in called.split(",")), held)
    return found


_NAMES = _table(_OUTSIDE)
_SITES = _NAMES | _table(_INSIDE)


def _finding(table: dict[str, tuple[str, ...]]) -> re.Pattern[str]:
    words = sorted(table, key=lambda word: (-len(word), word))
    return re.compile(rf"(?<!\w)(?:ال)?({'|'.join(map(re.escape, words))})s?(?!\w)")


_IN_NAMES, _IN_SITES = _finding(_NAMES), _finding(_SITES)


@lru_cache(maxsize=4096)
def parts_in(words: str, *, site: bool = False) -> tuple[str, ...]:
    """The parts of the body that words (lower case) speak of, with those they lie in, sorted. `site`: the words are of
    a place as such, so organs and "upper", "medial" count too."""
    table, finding = (_SITES, _IN_SITES) if site else (_NAMES, _IN_NAMES)
    return tuple(sorted({part: None for found in finding.finditer(words) for part in table[found[1]]}))
