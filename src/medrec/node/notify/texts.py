"""What a notice says outside: that there is something to see, never what. No name, no place, no word about health."""

KINDS = ("emergency", "first-look", "key-change", "ways-change", "guarded", "helper-unused", "look", "digest")

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "emergency": "Somebody opened your page in an emergency. Please look.",
        "first-look": "Somebody new is on your page. Please look.",
        "key-change": "A key or a helper of yours has changed. If that was not you, act now.",
        "ways-change": "Where notices to you go has changed. If that was not you, act now.",
        "guarded": "Somebody who chose you to help them back in may need you. Please look.",
        "helper-unused": "The right of a helper ends within a month, since nobody has used it for years.",
        "look": "There is something new on your page.",
        "digest": "There is something new on your page since yesterday.",
        "subject": "News on your page",
    },
    "es": {
        "emergency": "Alguien ha abierto su página en una emergencia. Mírelo, por favor.",
        "first-look": "Hay alguien nuevo en su página. Mírelo, por favor.",
        "key-change": "Ha cambiado una llave o un ayudante suyo. Si no fue usted, actúe ya.",
        "ways-change": "Ha cambiado adónde van los avisos para usted. Si no fue usted, actúe ya.",
        "guarded": "Alguien que le eligió para ayudarle a volver a entrar puede necesitarle. Mírelo, por favor.",
        "helper-unused": "El derecho de un ayudante termina dentro de un mes, porque nadie lo ha usado en años.",
        "look": "Hay algo nuevo en su página.",
        "digest": "Hay algo nuevo en su página desde ayer.",
        "subject": "Novedades en su página",
    },
    "ar": {
        "emergency": "فتح شخص صفحتك في حالة طارئة. نرجو أن تنظر.",
        "first-look": "هناك شخص جديد في صفحتك. نرجو أن تنظر.",
        "key-change": "تغيّر مفتاح أو مساعد لك. إن لم تكن أنت، فتصرّف الآن.",
        "ways-change": "تغيّر المكان الذي تصل إليه إشعاراتك. إن لم تكن أنت، فتصرّف الآن.",
        "guarded": "قد يحتاج إليك شخص اختارك لتساعده على العودة إلى حسابه. نرجو أن تنظر.",
        "helper-unused": "ينتهي حق أحد المساعدين خلال شهر، لأن أحداً لم يستعمله منذ سنوات.",
        "look": "هناك شيء جديد في صفحتك.",
        "digest": "هناك شيء جديد في صفحتك منذ أمس.",
        "subject": "جديد في صفحتك",
    },
}


def text(kind: str, language: str) -> str:
    """The sentence of a kind of notice."""
    return TEXTS.get(language, TEXTS["en"])[kind]
