"""Letters that look like Latin ones, after Unicode's confusables.txt (Unicode Technical Standard 39).

Written by tools/build_signs_alike.py; do not edit by hand. First the Latin letter, then those that look like it.
"""

ALIKE = """
AΑАᎪ BΒВᏴꞴ CϹСᏟⲤ DᎠ EΕЕᎬ FϜꞘ GԌᏀᏳ HΗНᎻⲎ JͿЈᎫꞲ KΚКᏦⲔ LᏞⳐ MΜϺМᎷⲘ NΝⲚ OΟОՕⲞ PΡРᏢⲢ RƦᎡᏒ SЅՏᏕᏚ TΤТᎢⲦ UՍ VѴᏙ WԜᎳᏔ XΧХⲬꞳ
YΥϒУҮᎩᎽⲨ ZΖᏃ aɑαа bƄЬᏏ cϲсᴄⲥꮯ dԁᏧ eеҽꬲ fքẝꞙꬵ gƍɡցᶃ hһհᏂ iıɩɪιіӏᎥιꙇꭵ jϳј lƖǀΙІӀⲒ nոռ oοσоօᴏᴑⲟꬽ pρϱрⲣ qԛգզ rгᴦⲅꭇꭈꮁ sƽѕꜱꮪ
uʋυսᴜꞟꭎꭒ vνѵᴠꮩ wɯѡԝաᴡꮃ xх yɣʏγуүᶌỿꭚ zᴢꮓ
"""
